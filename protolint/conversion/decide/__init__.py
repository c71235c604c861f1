"""What becomes of a net: pairing, actions, steps, and the rest of the net; no text, no numbers."""
