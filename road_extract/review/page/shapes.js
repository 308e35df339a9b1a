"use strict";

/**
 * What Python wrote into the page.
 * @typedef {object} LayerData
 * @property {string} name
 * @property {"line"|"area"} kind
 * @property {string} fingerprint
 * @property {number[]} ids
 * @property {number[][][]} shapes  for each piece its parts: first vertex, then steps, in plane units times `scale`
 * @property {(number|null)[]} doubt  0 to 1
 * @property {(number[]|null)[]} places  longitude and latitude in degrees
 * @property {Record<string, (string|number|boolean|null)[]>} values  attributes by field
 *
 * @typedef {object} Picture
 * @property {string} id  of its image element
 * @property {string} label
 * @property {number[]} affine  image pixels to the plane: a, b, c, d, e, f of x' = a x + b y + c, y' = d x + e y + f
 * @property {number} opacity
 * @property {boolean} shown  at first
 *
 * @typedef {object} PageData
 * @property {string} title
 * @property {string} fingerprint
 * @property {{width: number, height: number, unit_m: number, scale: number}} plane
 * @property {LayerData[]} layers
 * @property {number[][]} order  layer and piece, what deserves a look first
 * @property {Picture[]} pictures
 * @property {string[][]} figures
 * @property {{title: string, unit: string, bins: number[]}|null} histogram
 * @property {string[][]} made
 * @property {Record<string, string>} colours
 */

/** One road line or polygon. Coordinates are those of the plane: pixels of the scene's picture, y down. */
class Piece {
  /**
   * @param {LayerData} layer
   * @param {number} index
   * @param {number} scale
   */
  constructor(layer, index, scale) {
    this.layer = layer;
    this.index = index;
    this.id = layer.ids[index];
    this.key = JSON.stringify([layer.name, this.id]);
    this.parts = layer.shapes[index].map((steps) => decode(steps, scale));
    this.box = boundsOf(this.parts);
  }

  /** @param {string} field @returns {any} */
  value(field) {
    const column = this.layer.values[field];
    return column ? column[this.index] : null;
  }

  get doubt() {
    return this.layer.doubt[this.index];
  }

  get place() {
    return this.layer.places[this.index];
  }

  /** New, matched, ..., bridged, or plain road. @returns {string} */
  get kind() {
    const status = this.value("status");
    if (typeof status === "string" && status) return status;
    return this.value("bridged") === true ? "bridged" : "road";
  }

  get name() {
    const nouns = { line: "line", area: "polygon" };
    const noun = this.value("bridged") === true ? "bridged gap" : `road ${nouns[this.layer.kind]}`;
    const status = this.value("status");
    const text = typeof status === "string" && status ? `${status} ${noun}` : noun;
    return `${text.charAt(0).toUpperCase()}${text.slice(1)} ${this.id}`;
  }

  get facts() {
    const percent = (/** @type {any} */ share) => `${Math.round(share * 100)} %`;
    const found = [];
    if (typeof this.value("confidence") === "number") found.push(`confidence ${percent(this.value("confidence"))}`);
    if (typeof this.value("probability") === "number") found.push(`probability ${percent(this.value("probability"))}`);
    if (typeof this.value("length_m") === "number") found.push(`${formatNumber(this.value("length_m"))} m`);
    if (typeof this.value("area_m2") === "number") found.push(`${formatNumber(this.value("area_m2"))} m²`);
    if (this.value("dead_end") === true) found.push("dead end");
    return found.join(", ");
  }
}

/** @param {number} value @returns {string} */
function formatNumber(value) {
  const digits = Math.abs(value) >= 100 ? 0 : 1;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** @param {number[]} steps @param {number} scale @returns {Float32Array} */
function decode(steps, scale) {
  const points = new Float32Array(steps.length);
  let x = 0;
  let y = 0;
  for (let i = 0; i < steps.length; i += 2) {
    x += steps[i];
    y += steps[i + 1];
    points[i] = x / scale;
    points[i + 1] = y / scale;
  }
  return points;
}

/** @param {Float32Array[]} parts @returns {number[]} left, top, right, bottom */
function boundsOf(parts) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const points of parts) {
    for (let i = 0; i < points.length; i += 2) {
      box[0] = Math.min(box[0], points[i]);
      box[1] = Math.min(box[1], points[i + 1]);
      box[2] = Math.max(box[2], points[i]);
      box[3] = Math.max(box[3], points[i + 1]);
    }
  }
  return box;
}

/** Finds the pieces in a rectangle: a grid of square cells, each with the pieces whose bounds touch it. */
class PieceIndex {
  /** @param {Piece[]} pieces @param {number} width @param {number} height */
  constructor(pieces, width, height) {
    this.pieces = pieces;
    this.cell = Math.max(width, height, 1) / 64;
    /** @type {Map<number, number[]>} */
    this.cells = new Map();
    pieces.forEach((piece, number) => this.eachCell(piece.box, (cell) => this.add(cell, number)));
  }

  /** @param {number} cell @param {number} number */
  add(cell, number) {
    const found = this.cells.get(cell);
    if (found) found.push(number);
    else this.cells.set(cell, [number]);
  }

  /** @param {number[]} box @param {(cell: number) => void} visit */
  eachCell(box, visit) {
    const limit = (/** @type {number} */ value) => Math.max(-32, Math.min(96, Math.floor(value / this.cell)));
    const [left, top, right, bottom] = box.map(limit);
    for (let row = top; row <= bottom; row++) {
      for (let col = left; col <= right; col++) visit(row * 1024 + col);
    }
  }

  /** @param {number[]} box @returns {Piece[]} in the order of the file */
  query(box) {
    const numbers = new Set();
    this.eachCell(box, (cell) => this.cells.get(cell)?.forEach((number) => numbers.add(number)));
    return [...numbers]
      .sort((a, b) => a - b)
      .map((number) => this.pieces[number])
      .filter(({ box: own }) => own[0] <= box[2] && own[2] >= box[0] && own[1] <= box[3] && own[3] >= box[1]);
  }

  /**
   * The piece at a point; a line wins over a polygon, and the nearest line over others.
   * @param {number} x @param {number} y @param {number} reach
   * @param {(piece: Piece) => boolean} isShown
   * @returns {Piece|null}
   */
  at(x, y, reach, isShown) {
    const near = this.query([x - reach, y - reach, x + reach, y + reach]).filter(isShown);
    let best = null;
    let least = reach;
    for (const piece of near.filter(({ layer }) => layer.kind === "line")) {
      const distance = Math.min(...piece.parts.map((points) => distanceTo(points, x, y)));
      if (distance <= least) [best, least] = [piece, distance];
    }
    return best ?? near.find((piece) => piece.layer.kind === "area" && isInside(piece.parts, x, y)) ?? null;
  }
}

/** @param {Float32Array} points @param {number} x @param {number} y @returns {number} */
function distanceTo(points, x, y) {
  let least = Infinity;
  for (let i = 0; i + 3 < points.length; i += 2) {
    const dx = points[i + 2] - points[i];
    const dy = points[i + 3] - points[i + 1];
    const along = ((x - points[i]) * dx + (y - points[i + 1]) * dy) / (dx * dx + dy * dy || 1);
    const share = Math.max(0, Math.min(1, along));
    least = Math.min(least, Math.hypot(x - points[i] - share * dx, y - points[i + 1] - share * dy));
  }
  return least;
}

/** Even-odd rule, so that holes are outside. @param {Float32Array[]} rings @param {number} x @param {number} y */
function isInside(rings, x, y) {
  let inside = false;
  for (const points of rings) {
    for (let i = 0; i + 3 < points.length; i += 2) {
      const [x1, y1, x2, y2] = points.subarray(i, i + 4);
      if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
    }
  }
  return inside;
}
