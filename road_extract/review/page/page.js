const LIST_STEP = 100;
const MARKS = { accepted: "✓", rejected: "✗" };
/** Kinds of roads: what the legend calls them, and how they are drawn. */
const KINDS = {
  doubtful: ["Doubtful", []],
  new: ["New: not on the map", []],
  missing: ["Missing: on the map only", []],
  matched: ["Matched", []],
  road: ["Road", []],
  bridged: ["Bridged gap", [6, 5]],
};
const DECISIONS = { accepted: "Accepted", rejected: "Rejected", undecided: "Undecided" };
const CLASSES = [0.2, 0.4, 0.6, 0.8];

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no ${kind.name} #${id}`);
  return found;
}

/** @param {string} tag @param {string} [text] @param {string} [className] @returns {HTMLElement} */
function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** @param {string} tag @param {Record<string, string|number>} attributes @param {string} [text] @returns {SVGElement} */
function svg(tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text) made.textContent = text;
  return made;
}

/** Everything on the page, connected. */
class Page {
  /** @param {PageData} data */
  constructor(data) {
    this.data = data;
    this.pieces = data.layers.flatMap((layer) => layer.ids.map((_, index) => new Piece(layer, index, data.plane.scale)));
    const starts = data.layers.map((_, number) => data.layers.slice(0, number).reduce((sum, { ids }) => sum + ids.length, 0));
    this.order = data.order.map(([layer, piece]) => this.pieces[starts[layer] + piece]);
    this.store = new Store(data, new Map(this.pieces.map((piece) => [piece.key, piece])));
    this.status = byId("status", HTMLElement);
    this.colourBy = byId("colour-by", HTMLSelectElement);
    this.filter = byId("filter", HTMLSelectElement);
    this.undecided = byId("undecided", HTMLInputElement);
    this.note = byId("note", HTMLTextAreaElement);
    /** @type {Piece[]} */
    this.listed = [];
    this.listedCount = LIST_STEP;
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    this.noteTimer = 0;
    const index = new PieceIndex(this.pieces, data.plane.width, data.plane.height);
    this.map = new RoadMap(byId("map", HTMLCanvasElement), data, index, (piece) => this.lookOf(piece));
    this.map.onChoose = (piece) => this.choose(piece, { from: "map" });
    this.map.onView = () => this.showScale();
    this.store.listeners.push((key) => this.onDecision(key));
    this.build();
    this.listen();
    document.documentElement.dataset.ready = "yes";
  }

  get chosen() {
    return this.map.chosen;
  }

  build() {
    for (const { id } of this.data.pictures) {
      const image = byId(id, HTMLImageElement);
      if (!image.complete) image.addEventListener("load", () => this.map.draw());
    }
    this.buildLayers();
    this.buildFilter();
    this.buildFigures();
    this.buildHistogram();
    fillTerms("made", this.data.made);
    if (isNarrow()) {
      for (const id of ["layers-box", "figures-box"]) byId(id, HTMLDetailsElement).open = false;
    }
    this.showLegend();
    this.showList();
    this.showProgress();
    if (!this.store.isKept) this.warn("This browser does not keep decisions. Save them as a file before you close the page.");
  }

  buildLayers() {
    const box = byId("layers", HTMLFieldSetElement);
    /** @type {[string, string][]} */
    const layers = this.data.pictures.map(({ id, label }) => [id, label]);
    if (this.pieces.some(({ layer }) => layer.kind === "area")) layers.push(["area", "Polygons"]);
    if (this.pieces.some(({ layer }) => layer.kind === "line")) layers.push(["line", "Lines"]);
    for (const [name, label] of layers) {
      const row = element("label", "", "check");
      const check = document.createElement("input");
      check.type = "checkbox";
      check.checked = this.map.shown.has(name);
      check.id = `layer-${name}`;
      check.addEventListener("change", () => {
        if (check.checked) this.map.shown.add(name);
        else this.map.shown.delete(name);
        this.map.draw();
        this.say(`${label} ${check.checked ? "shown" : "hidden"}`);
      });
      row.append(check, ` ${label}`);
      box.append(row);
    }
  }

  /** Offer the kinds that there are; lines first, because polygons show the same roads again. */
  buildFilter() {
    /** @type {[string, string, (piece: Piece) => boolean][]} */
    const offers = [
      ["line", "lines", ({ layer }) => layer.kind === "line"],
      ["area", "polygons", ({ layer }) => layer.kind === "area"],
      ["bridged", "bridged gaps", (piece) => piece.value("bridged") === true],
      ...Object.keys(KINDS)
        .slice(0, 4)
        .map((kind) => /** @type {[string, string, (piece: Piece) => boolean]} */ ([kind, `${kind} roads`, (piece) => piece.value("status") === kind])),
      ["dead_end", "dead ends", (piece) => piece.value("dead_end") === true],
      ["noted", "roads with a note", (piece) => this.store.get(piece).note !== ""],
      ["all", "everything", () => true],
    ];
    this.filters = new Map(offers.map(([name, , test]) => [name, test]));
    for (const [name, label, test] of offers) {
      if (name === "noted" || name === "all" || this.order.some(test)) this.filter.append(new Option(label, name));
    }
  }

  buildFigures() {
    fillTerms("figures", this.data.figures);
  }

  buildHistogram() {
    const { histogram } = this.data;
    if (!histogram) return;
    const { bins, title, unit } = histogram;
    const most = Math.max(...bins);
    const chart = svg("svg", { viewBox: "0 0 320 84", role: "img" });
    const said = bins.map((value, n) => [value, n]).filter(([value]) => value > 0);
    const share = (/** @type {number} */ n) => Math.round((n * 100) / bins.length);
    const description = said.map(([value, n]) => `${share(n)} to ${share(n + 1)} %: ${formatNumber(value)} ${unit}`).join("; ");
    chart.setAttribute("aria-label", `${title}. ${description}`);
    const step = 320 / bins.length;
    bins.forEach((value, n) => {
      const height = most ? (value / most) * 66 : 0;
      const bar = svg("rect", { x: n * step + 1, y: 68 - height, width: step - 2, height: value ? Math.max(height, 1) : 0, rx: 1 });
      bar.append(svg("title", {}, `${share(n)} to ${share(n + 1)} %: ${formatNumber(value)} ${unit}`));
      chart.append(bar);
    });
    chart.append(svg("line", { x1: 0, x2: 320, y1: 68.5, y2: 68.5 }));
    for (const [x, text, anchor] of /** @type {[number, string, string][]} */ ([[0, "0 %", "start"], [160, "50 %", "middle"], [320, "100 %", "end"]])) {
      chart.append(svg("text", { x, y: 80, "text-anchor": anchor }, text));
    }
    const figure = byId("histogram", HTMLElement);
    figure.hidden = false;
    figure.prepend(chart);
    /** @type {HTMLElement} */ (figure.querySelector("figcaption")).textContent = title;
  }

  listen() {
    const click = (/** @type {string} */ id, /** @type {() => void} */ action) => byId(id, HTMLButtonElement).addEventListener("click", action);
    click("zoom-in", () => this.map.zoom(ZOOM_STEP));
    click("zoom-out", () => this.map.zoom(1 / ZOOM_STEP));
    click("zoom-all", () => this.map.showAll());
    click("accept", () => this.decide("accepted"));
    click("reject", () => this.decide("rejected"));
    click("next", () => this.step(1));
    click("previous", () => this.step(-1));
    click("piece-close", () => this.close());
    click("more", () => this.showMore());
    click("save", () => this.save());
    click("load", () => byId("load-file", HTMLInputElement).click());
    byId("load-file", HTMLInputElement).addEventListener("change", (event) => this.load(/** @type {HTMLInputElement} */ (event.target)));
    this.filter.addEventListener("change", () => this.refilter());
    this.undecided.addEventListener("change", () => this.refilter());
    this.colourBy.addEventListener("change", () => {
      this.showLegend();
      this.map.draw();
    });
    this.note.addEventListener("input", () => {
      clearTimeout(this.noteTimer);
      this.noteTimer = window.setTimeout(() => this.keepNote(), 300);
    });
    this.note.addEventListener("blur", () => this.keepNote());
    addEventListener("pagehide", () => this.keepNote());
    addEventListener("beforeunload", (event) => {
      if (!this.store.isKept && this.store.decisions.size) event.preventDefault();
    });
    byId("map", HTMLCanvasElement).addEventListener("keydown", (event) => this.onKey(event, true));
    byId("list", HTMLElement).addEventListener("keydown", (event) => this.onKey(event, false));
    byId("piece", HTMLElement).addEventListener("keydown", (event) => {
      if (event.target !== this.note) this.onKey(event, false);
      else if (event.key === "Escape") this.map.canvas.focus();
    });
  }

  /** Single letters work on the map and in the list only, so that they do not get in the way of a screen reader. */
  onKey(/** @type {KeyboardEvent} */ event, /** @type {boolean} */ onMap) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, (() => void)|undefined>} */
    const actions = {
      a: () => this.decide("accepted"),
      r: () => this.decide("rejected"),
      u: () => this.decide(null),
      n: () => this.step(1),
      p: () => this.step(-1),
      t: () => this.note.focus(),
      escape: () => this.map.canvas.focus(),
    };
    const action = actions[event.key.toLowerCase()];
    if (action) action();
    if (action || (onMap && this.map.onKey(event))) event.preventDefault();
  }

  /** @param {Piece|null} piece @param {{from?: "map"|"list"|"step"}} [how] */
  choose(piece, how = {}) {
    this.keepNote();
    const before = this.chosen;
    this.map.chosen = piece;
    if (how.from !== "map" && piece) this.map.showPiece(piece);
    else this.map.draw();
    for (const changed of [before, piece]) if (changed) this.showRow(changed);
    this.showPiece();
    // on a phone, the box is far from the list
    if (piece && how.from !== "map" && isNarrow()) byId("piece", HTMLElement).scrollIntoView({ block: "start" });
    if (piece) this.say(`${piece.name}. ${piece.facts}. ${this.decisionText(piece)}`);
  }

  close() {
    this.choose(null, { from: "map" });
    this.map.canvas.focus();
  }

  /** @param {1|-1} by */
  step(by) {
    if (!this.listed.length) return;
    const at = this.chosen ? this.listed.indexOf(this.chosen) : -1;
    const next = at < 0 ? (by > 0 ? 0 : this.listed.length - 1) : (at + by + this.listed.length) % this.listed.length;
    this.goTo(this.listed[next], next);
  }

  /** @param {Piece} piece @param {number} place in the list */
  goTo(piece, place) {
    while (place >= this.listedCount) this.showMore();
    const inList = document.activeElement?.closest("#list");
    this.choose(piece, { from: "step" });
    const row = this.rows.get(piece.key);
    if (inList) row?.querySelector("button")?.focus({ preventScroll: true });
    if (!isNarrow()) row?.scrollIntoView({ block: "nearest" });
  }

  /** @param {"accepted"|"rejected"|null} decision */
  decide(decision) {
    const piece = this.chosen;
    if (!piece) {
      this.say("First select a road in the list or on the map.");
      return;
    }
    this.keepNote();
    const place = this.listed.indexOf(piece);
    this.store.set(piece, { decision: this.store.get(piece).decision === decision ? null : decision });
    this.say(`${piece.name}: ${this.decisionText(piece)}`);
    if (this.store.get(piece).decision && byId("go-on", HTMLInputElement).checked) this.goOn(place);
  }

  /** Go to the next undecided road after a place in the list. @param {number} place */
  goOn(place) {
    const count = this.listed.length;
    for (let by = 1; by <= count; by++) {
      const next = (place + by + count) % count;
      if (!this.store.get(this.listed[next]).decision) return this.goTo(this.listed[next], next);
    }
    this.say("Every road in the list has a decision.");
  }

  /** @param {Piece} piece @returns {string} */
  decisionText(piece) {
    const { decision } = this.store.get(piece);
    return DECISIONS[decision ?? "undecided"];
  }

  keepNote() {
    clearTimeout(this.noteTimer);
    const piece = this.chosen;
    if (piece && this.note.value.trim() !== this.store.get(piece).note) this.store.set(piece, { note: this.note.value.trim() });
  }

  /** @param {string} key */
  onDecision(key) {
    const piece = this.store.pieces.get(key);
    if (piece) this.showRow(piece);
    if (piece === this.chosen) this.showDecision();
    this.showProgress();
    this.map.draw();
    if (!this.store.isKept) this.warn("This browser does not keep decisions. Save them as a file before you close the page.");
  }

  showPiece() {
    const piece = this.chosen;
    byId("piece", HTMLElement).hidden = !piece;
    if (!piece) return;
    byId("piece-title", HTMLElement).textContent = piece.name;
    this.note.value = this.store.get(piece).note;
    const rows = Object.keys(piece.layer.values).map((field) => [field, piece.value(field)]);
    const known = rows.filter(([, value]) => value !== null);
    if (piece.place) known.push(["latitude, longitude", `${piece.place[1].toFixed(6)}, ${piece.place[0].toFixed(6)}`]);
    const body = /** @type {HTMLElement} */ (byId("attributes", HTMLTableElement).querySelector("tbody"));
    body.replaceChildren(
      ...known.map(([field, value]) => {
        const row = element("tr");
        const head = element("th", String(field));
        head.setAttribute("scope", "row");
        row.append(head, element("td", value === true ? "yes" : value === false ? "no" : String(value)));
        return row;
      }),
    );
    this.showDecision();
    // the list scrolls below this box
    const side = /** @type {HTMLElement} */ (document.querySelector(".side"));
    side.style.scrollPaddingTop = `${byId("piece", HTMLElement).offsetHeight + 8}px`;
  }

  showDecision() {
    if (!this.chosen) return;
    const { decision } = this.store.get(this.chosen);
    byId("accept", HTMLButtonElement).setAttribute("aria-pressed", String(decision === "accepted"));
    byId("reject", HTMLButtonElement).setAttribute("aria-pressed", String(decision === "rejected"));
  }

  refilter() {
    this.listedCount = LIST_STEP;
    this.showList();
    this.say(`${this.listed.length} roads in the list`);
  }

  showList() {
    const test = this.filters?.get(this.filter.value) ?? (() => true);
    const isWanted = (/** @type {Piece} */ piece) => !this.undecided.checked || !this.store.get(piece).decision;
    this.listed = this.order.filter((piece) => test(piece) && isWanted(piece));
    this.rows.clear();
    byId("list", HTMLElement).replaceChildren();
    this.addRows(0);
    const help = this.order.length
      ? `${this.listed.length.toLocaleString("en")} in this list, the most doubtful first. Click a road to see it.`
      : "No roads were found, so there is nothing to review.";
    byId("list-help", HTMLElement).textContent = help;
  }

  showMore() {
    const from = this.listedCount;
    this.listedCount += LIST_STEP;
    this.addRows(from);
  }

  /** @param {number} from */
  addRows(from) {
    const rows = this.listed.slice(from, this.listedCount).map((piece) => this.rowOf(piece));
    byId("list", HTMLElement).append(...rows);
    const left = this.listed.length - this.listedCount;
    const more = byId("more", HTMLButtonElement);
    more.hidden = left <= 0;
    more.textContent = `Show more (${left.toLocaleString("en")} left)`;
  }

  /** @param {Piece} piece @returns {HTMLElement} */
  rowOf(piece) {
    const row = element("li");
    const button = document.createElement("button");
    button.type = "button";
    const doubt = piece.doubt === null ? "" : `doubt ${Math.round(piece.doubt * 100)} %`;
    button.append(
      element("span", "", "mark"),
      element("span", piece.name, "name"),
      element("span", doubt, "doubt"),
      element("span", piece.facts, "facts"),
    );
    button.addEventListener("click", () => this.choose(piece, { from: "list" }));
    row.append(button);
    this.rows.set(piece.key, row);
    this.showRow(piece);
    return row;
  }

  /** @param {Piece} piece */
  showRow(piece) {
    const row = this.rows.get(piece.key);
    const button = row?.querySelector("button");
    if (!row || !button) return;
    const { decision, note } = this.store.get(piece);
    button.dataset.decision = decision ?? "";
    button.setAttribute("aria-current", String(piece === this.chosen));
    const mark = /** @type {HTMLElement} */ (button.querySelector(".mark"));
    mark.textContent = decision ? MARKS[decision] : note ? "✎" : "";
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", `${this.decisionText(piece)}${note ? ", with a note" : ""}:`);
  }

  showProgress() {
    const total = this.order.length;
    const done = this.store.decidedCount;
    const text = done ? `${done.toLocaleString("en")} of ${total.toLocaleString("en")} roads reviewed` : "Nothing reviewed yet";
    byId("progress-text", HTMLElement).textContent = text;
    const bar = byId("progress", HTMLProgressElement);
    bar.max = Math.max(1, total);
    bar.value = Math.min(done, total);
  }

  /** @param {Piece} piece @returns {Look} */
  lookOf(piece) {
    const { colours } = this.data;
    const { decision } = this.store.get(piece);
    const isLine = piece.layer.kind === "line";
    const colour = colours[this.classOf(piece)] ?? colours.road;
    const isRejected = decision === "rejected";
    const dash = isRejected ? [2, 4] : piece.value("bridged") === true ? KINDS.bridged[1] : [];
    const isPlainArea = !isLine && this.colourBy.value === "kind" && piece.kind === "road";
    return {
      stroke: isPlainArea ? colours.polygon_outline : colour,
      width: isLine ? (isRejected ? 1.6 : 2.6) : 1.4,
      dash: /** @type {number[]} */ (dash),
      fill: isLine ? "" : `${isPlainArea ? colours.polygon : colour}4d`,
      alpha: isRejected ? 0.75 : 1,
      casing: isLine && !isRejected,
    };
  }

  /** @param {Piece} piece @returns {string} the name of its colour */
  classOf(piece) {
    if (this.colourBy.value === "decision") return this.store.get(piece).decision ?? "undecided";
    if (this.colourBy.value === "kind") return piece.kind in KINDS ? piece.kind : "road";
    const probability = piece.value("probability");
    return typeof probability === "number" ? `class_${CLASSES.filter((limit) => probability >= limit).length}` : "unknown";
  }

  showLegend() {
    const names = new Set(this.pieces.map((piece) => this.classOf(piece)));
    /** @type {[string, string, number[]][]} */
    let entries = Object.entries(KINDS).map(([name, [label, dash]]) => [name, String(label), /** @type {number[]} */ (dash)]);
    if (this.colourBy.value === "decision") {
      entries = Object.entries(DECISIONS).map(([name, label]) => [name, label, name === "rejected" ? [2, 4] : []]);
      entries.forEach(([name]) => names.add(name));
    } else if (this.colourBy.value === "probability") {
      const limits = [0, ...CLASSES, 1].map((limit) => Math.round(limit * 100));
      entries = limits.slice(0, -1).map((limit, n) => [`class_${n}`, `${limit} to ${limits[n + 1]} %`, []]);
      entries.push(["unknown", "Unknown", []]);
    }
    byId("legend", HTMLElement).replaceChildren(
      ...entries.filter(([name]) => names.has(name)).map(([name, label, dash]) => {
        const item = element("li");
        const swatch = svg("svg", { width: 26, height: 10, "aria-hidden": "true" });
        swatch.append(svg("line", { x1: 1, x2: 25, y1: 5, y2: 5, stroke: "#ffffff", "stroke-width": 6 }));
        swatch.append(svg("line", { x1: 1, x2: 25, y1: 5, y2: 5, stroke: this.data.colours[name], "stroke-width": 3, "stroke-dasharray": dash.join(" ") || "none" }));
        item.append(swatch, label);
        return item;
      }),
    );
  }

  /** A round length of about 120 pixels. */
  showScale() {
    const metres = (120 / this.map.scale) * this.data.plane.unit_m;
    const power = 10 ** Math.floor(Math.log10(metres));
    const length = [5, 2, 1].map((digit) => digit * power).find((value) => value <= metres) ?? power;
    const width = ((length / this.data.plane.unit_m) * this.map.scale).toFixed(1);
    byId("scale-bar", HTMLElement).style.width = `${width}px`;
    byId("scale-text", HTMLElement).textContent = length >= 1000 ? `${length / 1000} km` : length >= 1 ? `${length} m` : `${length * 100} cm`;
  }

  save() {
    this.keepNote();
    const link = document.createElement("a");
    const url = URL.createObjectURL(new Blob([this.store.toText()], { type: "application/json" }));
    link.href = url;
    link.download = "decisions.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    this.say(`${this.store.decisions.size} decisions saved as decisions.json`);
  }

  /** @param {HTMLInputElement} input */
  async load(input) {
    const file = input.files?.[0];
    if (!file) return;
    this.warn(this.store.fromText(await file.text()));
    input.value = "";
    this.showList();
    this.showPiece();
  }

  /** @param {string} text */
  say(text) {
    this.status.textContent = text;
  }

  /** @param {string} text */
  warn(text) {
    const notice = byId("notice", HTMLElement);
    notice.textContent = text;
    notice.hidden = false;
  }
}

/** Whether the map is above the rest. */
function isNarrow() {
  return matchMedia("(max-width: 52rem)").matches;
}

/** @param {string} id @param {string[][]} rows */
function fillTerms(id, rows) {
  byId(id, HTMLElement).append(
    ...rows.flatMap(([term, value]) => {
      if (id === "made") return [element("dt", term), element("dd", value)];
      const group = element("div");
      group.append(element("dt", term), element("dd", value));
      return [group];
    }),
  );
}

Object.assign(window, { roadReview: new Page(JSON.parse(byId("data", HTMLScriptElement).textContent ?? "")) });
