// Runs the embedded models with ONNX Runtime, off the page's thread. What surrounds them is what
// helpers.separate and helpers.denoise do in Python: the tests compare the sounds.
const LEVEL = -25; // dB re full scale: what the networks know
const WHOLE = 12; // seconds that a model is given in one piece
const WINDOW = 10; // seconds of each window of anything longer
const SHARED = 2; // seconds, at the least, that two windows have in common
const HOP = 320; // of FRCRN
const [FRAME, STEP] = [32, 16]; // of MossFormer

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

const run = {
  async mossformer(ort, session, samples) {
    const missing = Math.max(FRAME - samples.length, (((FRAME - samples.length) % STEP) + STEP) % STEP);
    const padded = new Float32Array(samples.length + missing);
    padded.set(samples);
    return (await ask(ort, session, padded)).map((row) => row.slice(0, samples.length));
  },
  // A hop of silence before and after: at its ends the inverse transform is of no use.
  async frcrn(ort, session, samples) {
    const padded = new Float32Array(HOP * (2 + Math.ceil(samples.length / HOP)));
    padded.set(samples, HOP);
    return (await ask(ort, session, padded)).map((row) => row.slice(HOP, HOP + samples.length));
  },
};

// --- before and after --------------------------------------------------------------------------

const gains = {
  mossformer(samples) {
    const level = 10 * Math.log10(dot(samples, samples) / samples.length);
    return factor(LEVEL - Math.max(level, -200));
  },
  frcrn(samples) {
    const mean = dot(samples, samples) / samples.length;
    const loud = samples.filter((value) => value ** 2 > mean);
    const active = loud.length ? dot(loud, loud) / loud.length : mean;
    return active > 1e-20 ? factor(LEVEL) / Math.sqrt(active) : 1;
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
  mossformer(rows, mixture) {
    const fitted = fit(rows, mixture);
    const sources = rows.map((row, i) => times(row, fitted[i]));
    let energy = sources.map((row) => dot(row, row));
    const sum = energy.reduce((a, b) => a + b, 0);
    energy = sum > 0 ? energy.map((value) => value / sum) : energy.map(() => 1 / rows.length);
    const rest = mixture.map((value, i) => value - sources.reduce((all, row) => all + row[i], 0));
    return sources.map((row, i) => row.map((value, j) => value + energy[i] * rest[j]));
  },
  // A network trained on SI-SDR may give speech upside down.
  frcrn: (rows, noisy) => rows.map((row) => (dot(row, noisy) < 0 ? times(row, -1) : row)),
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
  if (n <= WHOLE * rate) return once(samples);
  const [window, shared] = [WINDOW * rate, SHARED * rate];
  const count = Math.ceil((n - shared) / (window - shared));
  let [all, done] = [null, 0];
  for (let k = 0; k < count; k++) {
    const start = Math.floor((k * (n - window)) / (count - 1));
    let part = await once(samples.slice(start, start + window));
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
    sessions[kind] ??= await runtime.InferenceSession.create(`${assets}${kind}.onnx`);
    postMessage({ progress: 0 });
    const started = performance.now();
    const clean = withoutOffset(samples, rate);
    const gain = gains[kind](clean);
    const heard = times(clean, gain);
    const once = (part) => run[kind](runtime, sessions[kind], part);
    const rows = await process(heard, rate, once, (progress) => postMessage({ progress }));
    const tracks = finish[kind](rows, heard).map((row) => times(row, 1 / gain));
    postMessage({ tracks, seconds: (performance.now() - started) / 1000 }, tracks.map((row) => row.buffer));
  } catch (problem) {
    postMessage({ problem: String(problem?.message ?? problem) });
  }
};
