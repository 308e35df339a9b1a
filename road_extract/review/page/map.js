/** @typedef {{stroke: string, width: number, dash: number[], fill: string, alpha: number, casing: boolean}} Look */

const ZOOM_STEP = 1.5;
/** Wheel events give 100 or so for a notch. */
const WHEEL_ZOOM = 0.0016;
const PAN_STEP_PX = 80;
const CLICK_REACH_PX = 9;
const MOVE_SLACK_PX = 4;
/** Vertices closer than this on the screen are left out. */
const DETAIL_PX = 0.7;
/** Above this number of pieces in view, lines become thinner, and have neither casing nor dashes while the map moves. */
const FEW_PIECES = 400;
/** Above this number, they have none at rest either: they are so short that nobody would see it. */
const MANY_PIECES = 4000;
/** Pieces in one path. */
const PATH_PIECES = 200;

/**
 * The middle of a view that shows little beyond the edges of the scene.
 * @param {number} middle @param {number} view @param {number} whole sizes along one axis
 */
function inside(middle, view, whole) {
  const reach = Math.min(whole, view) * 0.4;
  return Math.max(reach, Math.min(whole - reach, middle));
}

/** The map: pictures and pieces on a canvas, moved by mouse, touch and keyboard. */
class RoadMap {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {PageData} data
   * @param {PieceIndex} index
   * @param {(piece: Piece) => Look} lookOf
   */
  constructor(canvas, data, index, lookOf) {
    this.canvas = canvas;
    this.data = data;
    this.index = index;
    this.lookOf = lookOf;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    /** @type {Set<string>} */
    this.shown = new Set(["line", "area", ...data.pictures.filter(({ shown }) => shown).map(({ id }) => id)]);
    /** @type {Piece|null} */
    this.chosen = null;
    /** @type {(piece: Piece|null) => void} */
    this.onChoose = () => {};
    /** @type {() => void} */
    this.onView = () => {};
    this.width = 1;
    this.height = 1;
    this.density = 1;
    this.scale = 1;
    this.left = 0;
    this.top = 0;
    this.drawnMs = 0;
    this.waiting = false;
    this.settling = 0;
    this.moving = false;
    /** @type {Map<string, HTMLCanvasElement[]>} */
    this.smaller = new Map();
    /** @type {Map<number, {x: number, y: number}>} */
    this.pointers = new Map();
    this.travelled = 0;
    this.listen();
    this.measure();
    this.showAll();
  }

  listen() {
    const { canvas } = this;
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.onUp(/** @type {PointerEvent} */ (event)));
    }
    canvas.addEventListener("dblclick", (event) => this.zoomAt(event.offsetX, event.offsetY, 2));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  measure() {
    this.width = Math.max(1, this.canvas.clientWidth);
    this.height = Math.max(1, this.canvas.clientHeight);
    this.density = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.width * this.density);
    this.canvas.height = Math.round(this.height * this.density);
  }

  resize() {
    const x = this.left + this.width / 2 / this.scale;
    const y = this.top + this.height / 2 / this.scale;
    this.measure();
    this.left = x - this.width / 2 / this.scale;
    this.top = y - this.height / 2 / this.scale;
    this.paint(); // at once: a canvas that changes its size is cleared
  }

  /** Plane units on the screen at which everything is seen. */
  get wholeScale() {
    const { width, height } = this.data.plane;
    return Math.min(this.width / width, this.height / height) * 0.97;
  }

  showAll() {
    const { width, height } = this.data.plane;
    this.scale = this.wholeScale;
    this.centre(width / 2, height / 2);
  }

  /** @param {number} x @param {number} y */
  centre(x, y) {
    this.left = x - this.width / 2 / this.scale;
    this.top = y - this.height / 2 / this.scale;
    this.draw();
  }

  /** Show a piece with its surroundings. @param {Piece} piece */
  showPiece(piece) {
    const [left, top, right, bottom] = piece.box;
    const around = 240 / this.data.plane.unit_m;
    const span = Math.max((right - left) * 2, (bottom - top) * 2, Math.min(around, this.data.plane.width));
    this.scale = this.limited(Math.min(this.width, this.height) / span);
    const { width, height } = this.data.plane;
    const x = inside((left + right) / 2, this.width / this.scale, width);
    this.centre(x, inside((top + bottom) / 2, this.height / this.scale, height));
  }

  /** @param {number} scale @returns {number} */
  limited(scale) {
    return Math.max(this.wholeScale / 4, Math.min(40, scale));
  }

  /** @param {number} x @param {number} y @param {number} factor */
  zoomAt(x, y, factor) {
    const scale = this.limited(this.scale * factor);
    this.left += x / this.scale - x / scale;
    this.top += y / this.scale - y / scale;
    this.scale = scale;
    this.draw();
  }

  /** @param {number} factor */
  zoom(factor) {
    this.zoomAt(this.width / 2, this.height / 2, factor);
  }

  /** @param {number} dx @param {number} dy pixels of the screen */
  pan(dx, dy) {
    this.left += dx / this.scale;
    this.top += dy / this.scale;
    this.draw();
  }

  /** @param {WheelEvent} event */
  onWheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
    this.zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY * lines * WHEEL_ZOOM));
  }

  /** @param {PointerEvent} event */
  onDown(event) {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    if (!this.pointers.size) this.travelled = 0;
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    this.canvas.classList.add("moving");
  }

  /** One pointer moves the map, two also zoom it. @param {PointerEvent} event */
  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.offsetX, y: event.offsetY };
    this.travelled += Math.hypot(now.x - before.x, now.y - before.y);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (this.travelled < MOVE_SLACK_PX) return;
    const share = other ? 0.5 : 1;
    this.pan((before.x - now.x) * share, (before.y - now.y) * share);
    if (other) {
      const factor = Math.hypot(now.x - other.x, now.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
      this.zoomAt((now.x + other.x) / 2, (now.y + other.y) / 2, factor);
    }
  }

  /** @param {PointerEvent} event */
  onUp(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (!this.pointers.size) this.canvas.classList.remove("moving");
    if (event.type === "pointerup" && this.travelled < MOVE_SLACK_PX) this.chooseAt(event.offsetX, event.offsetY, CLICK_REACH_PX);
  }

  /** @param {number} x @param {number} y @param {number} reach pixels of the screen */
  chooseAt(x, y, reach) {
    const isShown = (/** @type {Piece} */ piece) => this.shown.has(piece.layer.kind);
    this.onChoose(this.index.at(this.left + x / this.scale, this.top + y / this.scale, reach / this.scale, isShown));
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it was a key of the map */
  onKey(event) {
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowLeft: () => this.pan(-PAN_STEP_PX, 0),
      ArrowRight: () => this.pan(PAN_STEP_PX, 0),
      ArrowUp: () => this.pan(0, -PAN_STEP_PX),
      ArrowDown: () => this.pan(0, PAN_STEP_PX),
      "+": () => this.zoom(ZOOM_STEP),
      "=": () => this.zoom(ZOOM_STEP),
      "-": () => this.zoom(1 / ZOOM_STEP),
      0: () => this.showAll(),
      Home: () => this.showAll(),
      Enter: () => this.chooseAt(this.width / 2, this.height / 2, Math.max(this.width, this.height) / 2),
    };
    actions[event.key]?.();
    return event.key in actions;
  }

  /** Draw soon, once for any number of calls; without casing if much is to be drawn, and again when it is quiet. */
  draw() {
    this.moving = true;
    clearTimeout(this.settling);
    this.settling = window.setTimeout(() => {
      this.moving = false;
      this.request();
    }, 160);
    this.request();
  }

  request() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const started = performance.now();
    const { context } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = getComputedStyle(this.canvas).getPropertyValue("--backdrop") || "#ccc";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    for (const picture of this.data.pictures) this.paintPicture(picture);
    const factor = this.scale * this.density;
    context.setTransform(this.density, 0, 0, this.density, 0, 0);
    const view = [this.left, this.top, this.left + this.width / this.scale, this.top + this.height / this.scale];
    const pieces = this.index.query(view);
    for (const kind of ["area", "line"]) {
      if (this.shown.has(kind)) this.paintPieces(pieces.filter(({ layer }) => layer.kind === kind));
    }
    if (this.chosen && this.shown.has(this.chosen.layer.kind)) this.paintChosen(this.chosen);
    this.drawnMs = performance.now() - started;
    this.canvas.dataset.view = JSON.stringify({ scale: factor / this.density, left: this.left, top: this.top, pieces: pieces.length });
    this.onView();
  }

  /** @param {Picture} picture */
  paintPicture(picture) {
    const image = /** @type {HTMLImageElement} */ (document.getElementById(picture.id));
    if (!this.shown.has(picture.id) || !image.complete || !image.naturalWidth) return;
    const [a, b, c, d, e, f] = picture.affine;
    const k = this.scale * this.density;
    const size = Math.hypot(a, d) * k;
    const [source, shrink] = this.reduced(picture.id, image, size);
    this.context.setTransform(a * shrink * k, d * shrink * k, b * shrink * k, e * shrink * k, (c - this.left) * k, (f - this.top) * k);
    this.context.imageSmoothingEnabled = size < 3;
    this.context.globalAlpha = picture.opacity;
    this.context.drawImage(source, 0, 0);
    this.context.globalAlpha = 1;
  }

  /**
   * A halved copy for small views, which is quicker to draw and does not flicker.
   * @param {string} id @param {HTMLImageElement} image @param {number} size of an image pixel on the screen
   * @returns {[CanvasImageSource, number]}
   */
  reduced(id, image, size) {
    const copies = this.smaller.get(id) ?? [];
    this.smaller.set(id, copies);
    let level = 0;
    while (size * 2 ** (level + 1) <= 1 && level < 4 && image.naturalWidth >> (level + 1) > 64) level++;
    while (copies.length < level) {
      const from = copies.at(-1) ?? image;
      const canvas = document.createElement("canvas");
      canvas.width = Math.ceil(image.naturalWidth / 2 ** (copies.length + 1));
      canvas.height = Math.ceil(image.naturalHeight / 2 ** (copies.length + 1));
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      context.imageSmoothingQuality = "high";
      context.scale(0.5, 0.5);
      context.drawImage(from, 0, 0);
      copies.push(canvas);
    }
    return level ? [copies[level - 1], 2 ** level] : [image, 1];
  }

  /** Pieces of the same look are drawn in one go. @param {Piece[]} pieces */
  paintPieces(pieces) {
    /** @type {Map<string, {look: Look, pieces: Piece[]}>} */
    const groups = new Map();
    for (const piece of pieces) {
      const look = this.lookOf(piece);
      const name = JSON.stringify(look);
      const group = groups.get(name);
      if (group) group.pieces.push(piece);
      else groups.set(name, { look, pieces: [piece] });
    }
    const count = pieces.length;
    const plain = count > MANY_PIECES || (this.moving && count > FEW_PIECES);
    const thin = Math.max(0.4, Math.min(1, Math.sqrt(FEW_PIECES / count))); // a whole town of thick lines is a blot
    const found = [...groups.values()].map(({ look, pieces: own }) => ({ look, paths: this.pathsOf(own) }));
    for (const { look, paths } of found) {
      if (look.casing && !plain) this.stroke(paths, "#ffffff", (look.width + 2.2) * thin, [], look.alpha * 0.9);
    }
    for (const { look, paths } of found) {
      if (look.fill) this.fill(paths, look);
      this.stroke(paths, look.stroke, plain ? 1 : look.width * thin, plain ? [] : look.dash, look.alpha);
    }
  }

  /** Long paths are slow to draw. @param {Piece[]} pieces @returns {Path2D[]} */
  pathsOf(pieces) {
    const paths = [];
    for (let i = 0; i < pieces.length; i += PATH_PIECES) paths.push(this.pathOf(pieces.slice(i, i + PATH_PIECES)));
    return paths;
  }

  /** @param {Path2D[]} paths @param {Look} look */
  fill(paths, look) {
    this.context.fillStyle = look.fill;
    this.context.globalAlpha = look.alpha;
    for (const path of paths) this.context.fill(path, "evenodd");
    this.context.globalAlpha = 1;
  }

  /** @param {Path2D[]} paths @param {string} colour @param {number} width @param {number[]} dash @param {number} alpha */
  stroke(paths, colour, width, dash, alpha) {
    const { context } = this;
    context.globalAlpha = alpha;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineJoin = width > 1 ? "round" : "bevel"; // lines of a pixel are drawn in a quicker way
    context.lineCap = dash.length || width <= 1 ? "butt" : "round";
    context.setLineDash(dash);
    for (const path of paths) context.stroke(path);
    context.globalAlpha = 1;
  }

  /** @param {Piece[]} pieces @returns {Path2D} in pixels of the screen */
  pathOf(pieces) {
    const path = new Path2D();
    const { scale, left, top } = this;
    for (const { parts } of pieces) {
      for (const points of parts) {
        let x = (points[0] - left) * scale;
        let y = (points[1] - top) * scale;
        path.moveTo(x, y);
        const last = points.length - 2;
        for (let i = 2; i <= last; i += 2) {
          const nextX = (points[i] - left) * scale;
          const nextY = (points[i + 1] - top) * scale;
          if (i < last && Math.abs(nextX - x) < DETAIL_PX && Math.abs(nextY - y) < DETAIL_PX) continue;
          path.lineTo(nextX, nextY);
          x = nextX;
          y = nextY;
        }
      }
    }
    return path;
  }

  /** @param {Piece} piece */
  paintChosen(piece) {
    const path = [this.pathOf([piece])];
    const look = this.lookOf(piece);
    const width = piece.layer.kind === "line" ? look.width + 6 : look.width + 3;
    this.stroke(path, "#111111", width + 3, [], 0.85);
    this.stroke(path, "#ffd60a", width, [], 1);
    if (piece.layer.kind === "line") this.stroke(path, look.stroke, look.width, look.dash, 1);
  }
}
