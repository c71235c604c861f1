"""The golden inputs: nets and weights of real Caffes, a folder for each."""

from __future__ import annotations

from tests import conftest

__all__ = ["DIALECT_OF", "FOLDER_OF", "OWN", "ROOTS", "SHARED"]

#: Those of the repository, and all of them where they lie beside the checkout.
OWN = conftest.REPOSITORY / "fixtures" / "golden"
SHARED = conftest.SHARED / "golden"
ROOTS = (OWN, SHARED)

#: The dialect of each folder.
DIALECT_OF = {
    "bvlc-master-9b89154": "bvlc",
    "nvcaffe-0.14.5": "nvidia-0.14",
    "nvcaffe-0.15.14": "nvidia-0.15",
    "nvcaffe-0.16.6": "nvidia-0.16",
    "nvcaffe-0.17.4": "nvidia-0.17",
}
FOLDER_OF = {dialect: folder for folder, dialect in DIALECT_OF.items()}
