/** @typedef {{decision: "accepted"|"rejected"|null, note: string}} Decision */

/** Decisions about pieces, kept in the browser under the fingerprint of the result. */
class Store {
  /** @param {PageData} data @param {Map<string, Piece>} pieces */
  constructor(data, pieces) {
    this.data = data;
    this.pieces = pieces;
    this.name = `road-extract review ${data.fingerprint}`;
    /** @type {Map<string, Decision>} */
    this.decisions = new Map();
    this.isKept = true;
    /** @type {((key: string) => void)[]} */
    this.listeners = [];
    this.restore();
  }

  restore() {
    try {
      const text = localStorage.getItem(this.name);
      for (const [key, decision] of text ? JSON.parse(text) : []) {
        if (this.pieces.has(key)) this.decisions.set(key, cleaned(decision));
      }
    } catch {
      this.isKept = false;
    }
  }

  /** @param {Piece} piece @returns {Decision} */
  get(piece) {
    return this.decisions.get(piece.key) ?? { decision: null, note: "" };
  }

  /** @param {Piece} piece @param {Partial<Decision>} change */
  set(piece, change) {
    const changed = { ...this.get(piece), ...change };
    if (changed.decision || changed.note) this.decisions.set(piece.key, changed);
    else this.decisions.delete(piece.key);
    this.keep();
    this.listeners.forEach((listener) => listener(piece.key));
  }

  keep() {
    try {
      localStorage.setItem(this.name, JSON.stringify([...this.decisions]));
      this.isKept = true;
    } catch {
      this.isKept = false;
    }
  }

  get decidedCount() {
    return [...this.decisions.values()].filter(({ decision }) => decision).length;
  }

  /** The file that `road-extract review` reads. @returns {string} */
  toText() {
    const layers = Object.fromEntries(this.data.layers.map(({ name, fingerprint }) => [name, fingerprint]));
    const decisions = [...this.decisions].map(([key, { decision, note }]) => {
      const [layer, id] = JSON.parse(key);
      return { layer, id, decision, note };
    });
    const head = { format: "road-extract decisions", version: 1, title: this.data.title };
    return JSON.stringify({ ...head, result: this.data.fingerprint, layers, decisions }, null, 1) + "\n";
  }

  /**
   * Load decisions from a file; those of other pieces are kept.
   * @param {string} text
   * @returns {string} what was done, or why not
   */
  fromText(text) {
    let values;
    try {
      values = JSON.parse(text);
    } catch {
      return "This file is not a decisions file: it is not JSON.";
    }
    if (values?.format !== "road-extract decisions" || !Array.isArray(values.decisions)) {
      return "This file is not a decisions file from road-extract.";
    }
    if (values.result !== this.data.fingerprint) return "These decisions belong to another result.";
    let count = 0;
    for (const entry of values.decisions) {
      const key = JSON.stringify([entry?.layer, entry?.id]);
      if (this.pieces.has(key)) {
        this.decisions.set(key, cleaned(entry));
        this.listeners.forEach((listener) => listener(key));
        count++;
      }
    }
    this.keep();
    return `${count} decisions loaded.`;
  }
}

/** @param {any} entry @returns {Decision} */
function cleaned(entry) {
  const decision = entry?.decision === "accepted" || entry?.decision === "rejected" ? entry.decision : null;
  return { decision, note: typeof entry?.note === "string" ? entry.note : "" };
}
