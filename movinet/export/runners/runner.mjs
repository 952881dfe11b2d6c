// Runs an exported network with LiteRT.js alone, in a browser or in Node: npm install @litertjs/core
//
//   node x_runner.mjs FRAMES.npy
//
// FRAMES.npy: RGB frames (T, height, width, 3), uint8 or float32 in [0, 1], at the rate that the manifest tells.
// In a page, whose import map or bundler says where "@litertjs/core" and its "@litertjs/wasm-utils" are:
// await loadLiteRt(folder of the package's wasm files), then
// new Runner(manifest, await loadAndCompile("x.tflite", { accelerator: "wasm" })), and push frame after frame.
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

const MANIFEST = "model.json";

/** One video: `push` takes its frames one by one, or the whole clip where the network has no states. */
export class Runner {
  constructor(manifest, model) {
    Object.assign(this, { manifest, model, states: {} });
    this.reset();
  }

  /** Forgets all frames. */
  reset() {
    for (const tensor of Object.values(this.states)) tensor.delete();
    for (const { name, shape, dtype, initial } of this.manifest.states) {
      const size = shape.reduce((product, length) => product * length, 1);
      this.states[name] = new Tensor(new (dtype === "int32" ? Int32Array : Float32Array)(size).fill(initial), shape);
    }
  }

  /** Frames as one call takes them, a Float32Array in [0, 1] -> logits (classes) after the newest one. */
  async push(frames) {
    const { image, states, output } = this.manifest;
    const given = { [image.name]: new Tensor(frames, image.shape), ...this.states };
    const returned = await this.model.run(given);
    const logits = returned[output.name].toTypedArray().slice();
    const following = states.map(({ name, next }) => [name, returned[next.output] ?? given[next.input]]);
    this.states = Object.fromEntries(following);
    const kept = new Set(Object.values(this.states)); // tensors lie outside JavaScript's memory: no one else frees them
    for (const tensor of [...Object.values(given), ...Object.values(returned)]) kept.has(tensor) || tensor.delete();
    return logits;
  }
}

/** Logits -> the probability of each class: all together are 1, or each is a yes or no of its own. */
export function probabilities(logits, multiLabel) {
  if (multiLabel) return Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
  const greatest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - greatest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** In Node: the runner of the manifest beside this file. */
export async function load() {
  const [{ readFileSync }, { dirname, join }, vm, { createRequire }] = await Promise.all(
    ["node:fs", "node:path", "node:vm", "node:module"].map((name) => import(name)),
  );
  const require = createRequire(import.meta.url);
  globalThis.self = globalThis; // LiteRT.js loads its runtime as a page's script does, and warns that there is no GPU
  globalThis.importScripts = (url) => {
    Object.assign(globalThis, { require, __filename: url, __dirname: dirname(url), Module: { printErr() {} } });
    vm.runInThisContext(readFileSync(url, "utf8"), url);
  };
  console.warn = () => {};
  await loadLiteRt(join(dirname(require.resolve("@litertjs/core")), "..", "wasm"));
  const beside = (name) => readFileSync(new URL(encodeURIComponent(name), import.meta.url));
  const manifest = JSON.parse(beside(MANIFEST).toString("utf8"));
  const content = new Uint8Array(beside(manifest.file));
  return new Runner(manifest, await loadAndCompile(content, { accelerator: "wasm" }));
}

async function main(video) {
  if (!video) throw new Error("FRAMES.npy is missing; allowed: a file of NumPy's with the frames");
  const { readFileSync } = await import("node:fs");
  const runner = await load();
  const { image, labels, multi_label: multiLabel } = runner.manifest;
  const { shape, frames } = npy(readFileSync(video));
  const [wanted, size] = [image.shape.slice(-3), image.shape.reduce((product, length) => product * length, 1)];
  if (shape[0] < image.frames_per_call || `${shape.slice(1)}` !== `${wanted}`) {
    const allowed = `${image.frames_per_call} or more frames of (${wanted})`;
    throw new Error(`${video}: (${shape}) is not allowed; allowed: ${allowed}`);
  }
  let logits;
  for (let start = 0; start + size <= frames.length; start += size) {
    logits = await runner.push(frames.slice(start, start + size));
  }
  const shares = probabilities(logits, multiLabel);
  const best = [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, 5);
  const percent = (share) => `${(100 * share).toFixed(1)}%`.padStart(7);
  for (const k of best) console.log(`${percent(shares[k])}  ${labels?.[k] ?? `class ${k}`}`);
}

/** What a file of NumPy's holds: its shape, and the numbers as a Float32Array in [0, 1]. */
function npy(file) {
  const start = file.length > 10 ? 10 + file.readUInt16LE(8) : 0;
  const header = /'descr': '(\|u1|<f4)', 'fortran_order': False, 'shape': \((.*?)\)/;
  const [, kind, lengths] = header.exec(file.toString("latin1", 10, start)) ?? [];
  if (!kind) throw new Error("the frames are of another kind; allowed: a .npy file, uint8 or float32, in C order");
  const frames =
    kind === "|u1"
      ? Float32Array.from(file.subarray(start), (value) => value / 255)
      : new Float32Array(file.buffer.slice(file.byteOffset + start, file.byteOffset + file.length));
  return { shape: lengths.split(",").map(Number), frames };
}

if (globalThis.process?.argv[1]?.endsWith(decodeURIComponent(import.meta.url).split("/").at(-1))) {
  await main(process.argv[2]).catch(({ message }) => {
    console.error(`error: ${message}`);
    process.exitCode = 1;
  });
}
