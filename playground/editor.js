// The editor: CodeMirror with a language for text format and the findings in place.

import { autocompletion, closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import {
  StreamLanguage,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, lintKeymap, previousDiagnostic, setDiagnostics } from "@codemirror/lint";
import { search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

import { element, markdown } from "./dom.js";

const textFormat = StreamLanguage.define({
  name: "prototxt",
  startState: () => ({ depth: 0 }),
  token(stream, state) {
    if (stream.eatSpace()) return null;
    if (stream.match(/^#.*/)) return "comment";
    if (stream.match(/^"(?:[^"\\]|\\.)*"?|^'(?:[^'\\]|\\.)*'?/)) return "string";
    if (stream.match(/^[-+]?(?:0x[\da-f]+|\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?f?/i)) return "number";
    if (stream.match(/^[A-Za-z_][\w.]*(?=\s*[:{<])/)) return "propertyName";
    if (stream.match(/^(?:true|false)\b/)) return "bool";
    if (stream.match(/^[A-Za-z_]\w*/)) return "atom";
    const letter = stream.next();
    if ("{<[".includes(letter)) state.depth += 1;
    if ("}>]".includes(letter)) state.depth = Math.max(0, state.depth - 1);
    return "punctuation";
  },
  indent: (state, after, context) =>
    Math.max(0, state.depth - (/^\s*[}>\]]/.test(after) ? 1 : 0)) * context.unit,
  languageData: {
    commentTokens: { line: "#" },
    closeBrackets: { brackets: ["{", "[", '"', "'"] },
    indentOnInput: /^\s*[}>\]]$/,
  },
});

const KINDS = { field: "property", message: "namespace", value: "enum", type: "class", blob: "variable" };

/** What could be written at the cursor, in protolint's order. */
function completion(help) {
  return async ({ explicit, pos, state }) => {
    if (!explicit && !/[\w"']$/.test(state.sliceDoc(Math.max(0, pos - 1), pos))) return null;
    const { from, to, items } = await help("complete", pos);
    if (!items?.length) return null;
    const options = items.map(({ label, detail, kind, text }) => ({
      label,
      detail,
      type: KINDS[kind],
      apply(view, _, start, end) {
        const [before, after = ""] = text.split("$0");
        view.dispatch({
          changes: { from: start, to: end, insert: before + after },
          selection: { anchor: start + before.length },
          userEvent: "input.complete",
        });
      },
    }));
    return { from, to, options, filter: false };
  };
}

/** What the field or blob under the pointer is. */
function explanation(help) {
  return hoverTooltip(async (_, at) => {
    const { from, to, text } = await help("hover", at);
    const shown = () => ({ dom: element("div", { class: "hover" }, ...markdown(text)) });
    return text ? { pos: from, end: to, create: shown } : null;
  });
}

/**
 * The editor in `parent`; `changed()` is called whenever the text is another, and
 * `help(ask, at)` answers what could be written at a place, and what is there.
 */
export function createEditor(parent, changed, help) {
  const view = new EditorView({
    parent,
    extensions: [
      lineNumbers(),
      lintGutter(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      history(),
      drawSelection(),
      EditorState.allowMultipleSelections.of(true),
      indentOnInput(),
      indentUnit.of("  "),
      bracketMatching(),
      closeBrackets(),
      autocompletion({ override: [completion(help)], icons: false }),
      explanation(help),
      search({ top: true }),
      textFormat,
      syntaxHighlighting(classHighlighter),
      // Tab leaves the editor, so that nobody is caught in it.
      keymap.of([
        ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...lintKeymap,
        { key: "Shift-F8", run: previousDiagnostic },
      ]),
      EditorView.contentAttributes.of({ "aria-label": "Net or solver, as text" }),
      EditorView.updateListener.of((update) => update.docChanged && changed()),
    ],
  });
  return {
    /** What a check is of: two are the same where nothing was changed in between. */
    get version() {
      return view.state.doc;
    },
    get text() {
      return view.state.doc.toString();
    },
    /** Put a text in place of the one that is there; what both share stays, and the cursor in it. */
    replace(text) {
      const old = view.state.doc.toString();
      const most = Math.min(old.length, text.length);
      let [head, tail] = [0, 0];
      while (head < most && old[head] === text[head]) head += 1;
      while (tail < most - head && old.at(-1 - tail) === text.at(-1 - tail)) tail += 1;
      view.dispatch({
        changes: { from: head, to: old.length - tail, insert: text.slice(head, text.length - tail) },
      });
    },
    /** Make the edits of a fix, which one undo takes back. */
    apply(edits) {
      view.dispatch({ changes: edits, userEvent: "input.fix" });
    },
    select(from, to) {
      const selection = { anchor: from, head: to };
      const effects = EditorView.scrollIntoView(from, { y: "center" });
      view.dispatch({ selection, effects });
      view.focus();
    },
    selectLine(number) {
      const line = view.state.doc.line(Math.min(number, view.state.doc.lines));
      this.select(line.from, line.to);
    },
    /** Mark findings; `actions(finding)` are what a mark's box offers. */
    mark(findings, actions) {
      const end = view.state.doc.length;
      const shown = findings.map((finding) => ({
        from: Math.min(finding.from, end),
        to: Math.min(finding.to, end),
        severity: finding.severity,
        source: finding.code,
        message: finding.message,
        actions: actions(finding),
      }));
      view.dispatch(setDiagnostics(view.state, shown));
    },
  };
}
