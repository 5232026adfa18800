// Runs the embedded models with ONNX Runtime, off the page's thread. What surrounds them is what
// helpers.separate and helpers.denoise do in Python: the tests compare the sounds.
// The facts about the networks and the windows are theirs too: networks.json, which the export
// writes out of helpers.networks and helpers.windows.
let networks = null;
let long = null;

const dot = (a, b) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};
const times = (a, factor) => a.map((value) => value * factor);
const factor = (db) => 10 ** (db / 20);

const withoutOffset = (samples, rate) => {
  const mean = samples.reduce((a, b) => a + b, 0) / samples.length;
  const small = mean ** 2 <= (0.01 * dot(samples, samples)) / samples.length;
  return small || samples.length < 0.1 * rate ? samples : samples.map((value) => value - mean);
};

// --- the two networks, each on one stretch of samples -----------------------------------------

const ask = async (ort, session, samples) => {
  const { told } = await session.run({ heard: new ort.Tensor("float32", samples, [1, samples.length]) });
  const n = told.dims[1];
  const rows = Array.from({ length: told.dims[0] }, (_, i) => told.data.slice(i * n, (i + 1) * n));
  told.dispose();
  return rows;
};

// Silence goes after the end to fill the last frame, and before and after where an inverse
// transform is of no use at its ends.
const run = async (kind, ort, session, samples) => {
  const { frame, hop, edge } = networks[kind];
  const past = frame - samples.length;
  const missing = Math.max(past, ((past % hop) + hop) % hop);
  const padded = new Float32Array(edge + samples.length + missing + edge);
  padded.set(samples, edge);
  return (await ask(ort, session, padded)).map((row) => row.slice(edge, edge + samples.length));
};

// --- before and after --------------------------------------------------------------------------

const gains = {
  "speech-separation"(samples) {
    const level = 10 * Math.log10(dot(samples, samples) / samples.length);
    return factor(long.level - Math.max(level, -200));
  },
  "acoustic-noise-suppression"(samples) {
    const mean = dot(samples, samples) / samples.length;
    const loud = samples.filter((value) => value ** 2 > mean);
    const active = loud.length ? dot(loud, loud) / loud.length : mean;
    return active > 1e-20 ? factor(long.level) / Math.sqrt(active) : 1;
  },
};

// How loud each of two sources is: together they come as near to the mixture as they can.
const fit = ([a, b], mixture) => {
  const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
  const [am, bm] = [dot(a, mixture), dot(b, mixture)];
  const alike = ab / Math.sqrt(aa * bb);
  if (aa > 0 && bb > 0 && 1 - Math.abs(alike) > 0.05) {
    const det = aa * bb - ab * ab;
    return [(am * bb - bm * ab) / det, (bm * aa - am * ab) / det];
  }
  const [s, t] = [Math.sign(am), Math.sign(bm)];
  const total = s * s * aa + 2 * s * t * ab + t * t * bb;
  const gain = total > 0 ? (s * am + t * bm) / total : 0;
  return [s * gain, t * gain];
};

const finish = {
  "speech-separation"(rows, mixture) {
    const fitted = fit(rows, mixture);
    const sources = rows.map((row, i) => times(row, fitted[i]));
    let energy = sources.map((row) => dot(row, row));
    const sum = energy.reduce((a, b) => a + b, 0);
    energy = sum > 0 ? energy.map((value) => value / sum) : energy.map(() => 1 / rows.length);
    const rest = mixture.map((value, i) => value - sources.reduce((all, row) => all + row[i], 0));
    return sources.map((row, i) => row.map((value, j) => value + energy[i] * rest[j]));
  },
  // A network trained on SI-SDR may give speech upside down.
  "acoustic-noise-suppression": (rows, noisy) => rows.map((row) => (dot(row, noisy) < 0 ? times(row, -1) : row)),
};

// --- long recordings: window by window, cross-faded, speakers kept in order ---------------------

const inOrder = (before, after) => {
  if (after.length < 2) return after;
  const alike = (a, b) => dot(a, b) / (Math.sqrt(dot(a, a) * dot(b, b)) || 1);
  const straight = alike(before[0], after[0]) + alike(before[1], after[1]);
  return straight >= alike(before[0], after[1]) + alike(before[1], after[0]) ? [0, 1] : [1, 0];
};

const process = async (samples, rate, once, progress) => {
  const n = samples.length;
  if (n <= long.single * rate) return once(samples);
  const [longest, shared] = [Math.round(long.window * rate), Math.round(long.overlap * rate)];
  const count = Math.ceil((n - shared) / (longest - shared));
  const window = Math.ceil((n + (count - 1) * shared) / count);
  let [all, done] = [null, 0];
  for (let k = 0; k < count; k++) {
    const start = Math.floor((k * (n - window)) / (count - 1));
    const piece = samples.slice(start, start + window);
    const silent = all && piece.every((value) => Math.abs(value) < long.silence);
    let part = silent ? all.map(() => new Float32Array(window)) : await once(piece);
    all ??= part.map(() => new Float32Array(n));
    const common = done - start;
    if (common > 0 && part.length > 1) {
      const order = inOrder(all.map((row) => row.slice(start, done)), part.map((row) => row.slice(0, common)));
      part = order.map((i) => part[i]);
    }
    part.forEach((row, i) => {
      for (let j = 0; j < window; j++) {
        const share = j < common ? (j + 0.5) / common : 1;
        all[i][start + j] = (1 - share) * all[i][start + j] + share * row[j];
      }
    });
    done = start + window;
    progress((k + 1) / count);
  }
  return all;
};

// --- what the page asks --------------------------------------------------------------------------

let runtime = null;
const sessions = {};

onmessage = async ({ data: { kind, samples, rate, assets } }) => {
  try {
    runtime ??= await import(`${assets}ort.wasm.min.mjs`);
    runtime.env.wasm.wasmPaths = assets;
    runtime.env.wasm.numThreads = 1; // more need headers that a plain web server does not send
    if (!networks) ({ networks, long } = await (await fetch(`${assets}networks.json`)).json());
    sessions[kind] ??= await runtime.InferenceSession.create(`${assets}${kind}.onnx`);
    postMessage({ progress: 0 });
    const started = performance.now();
    const clean = withoutOffset(samples, rate);
    const { task } = networks[kind];
    const gain = gains[task](clean);
    const heard = times(clean, gain);
    const once = (part) => run(kind, runtime, sessions[kind], part);
    const rows = await process(heard, rate, once, (progress) => postMessage({ progress }));
    const tracks = finish[task](rows, heard).map((row) => times(row, 1 / gain));
    postMessage({ tracks, seconds: (performance.now() - started) / 1000 }, tracks.map((row) => row.buffer));
  } catch (problem) {
    postMessage({ problem: String(problem?.message ?? problem) });
  }
};
