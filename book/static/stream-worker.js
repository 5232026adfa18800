// Runs the live denoiser hop by hop, or the echo canceler block by block, off the page's thread and
// off the audio thread. Blocks come from the worklet, through shared memory where the page may
// have it, else as messages, and go back the same way. The denoiser is what helpers.stream runs.
import { Canceler } from "./echo.js";

const WARM = 30; // hops of noise, after which the browser has compiled what it compiles late

const engines = {
  async denoise({ assets, graph, facts }) {
    const ort = await import(`${assets}ort.wasm.min.mjs`);
    ort.env.wasm.wasmPaths = assets;
    ort.env.wasm.numThreads = 1; // more need headers that a plain web server does not send
    const session = await ort.InferenceSession.create(`${assets}${graph}.onnx`);
    let state = new Float32Array(facts.state);
    const step = async ([samples]) => {
      // Silence that dies away ends in numbers so small that processors take long over them.
      for (let i = 0; i < state.length; i++) if (Math.abs(state[i]) < facts.smallest) state[i] = 0;
      const tensors = [new ort.Tensor("float32", samples, [samples.length]), new ort.Tensor("float32", state, [state.length])];
      const { speech, next } = await session.run({ samples: tensors[0], state: tensors[1] });
      state = next.data;
      return speech.data;
    };
    const times = [];
    for (let hop = 0; hop < WARM; hop++) {
      const started = performance.now();
      await step([Float32Array.from({ length: facts.hop }, () => 0.01 * (Math.random() - 0.5))]);
      times.push(performance.now() - started);
    }
    state = new Float32Array(facts.state);
    return { step, usual: times.slice(WARM >> 1).sort((a, b) => a - b)[WARM >> 2] };
  },
  async echo({ facts }) {
    const canceler = new Canceler(facts, (late) => postMessage({ late }));
    return { step: async ([mic, far]) => Float32Array.from(canceler.step(mic, far)) };
  },
};

// A computer that can't keep up leaves blocks out: the page is told where.
const skipped = (hop, last, blocks) => {
  if (last - hop < blocks / 2) return hop;
  postMessage({ skipped: hop });
  return last;
};

// --- blocks through shared memory: waits for them, and ends when it is told to -----------------

const share = async ({ control, input, out, done, spent }, { size, lag, inputs }, step) => {
  const blocks = done.length;
  for (let hop = 0; !Atomics.load(control, 1); hop++) {
    while (Atomics.load(control, 0) === hop && !Atomics.load(control, 1)) Atomics.wait(control, 0, hop, 100);
    if (Atomics.load(control, 1)) return;
    hop = skipped(hop, Atomics.load(control, 0) - 1, blocks);
    const from = (hop % blocks) * inputs * size;
    const signals = Array.from({ length: inputs }, (_, i) => input.slice(from + i * size, from + (i + 1) * size));
    const started = performance.now();
    const samples = await step(signals);
    const slot = (hop - lag + blocks) % blocks;
    out.set(samples, slot * size);
    spent[slot] = performance.now() - started;
    Atomics.store(done, slot, hop - lag);
    Atomics.store(control, 2, hop + 1);
  }
};

// --- blocks as messages, one after the other ---------------------------------------------------

const exchange = (port, { blocks }, step) => {
  const waiting = [];
  let busy = false;
  port.onmessage = async ({ data }) => {
    waiting.push(data);
    if (busy) return;
    busy = true;
    while (waiting.length) {
      const next = skipped(waiting[0].hop, waiting.at(-1).hop, blocks);
      const { hop, signals } = waiting.splice(0, next - waiting[0].hop + 1).at(-1);
      const started = performance.now();
      const samples = Float32Array.from(await step(signals));
      port.postMessage({ hop, samples, spent: performance.now() - started }, [samples.buffer]);
    }
    busy = false;
  };
};

onmessage = async ({ data }) => {
  try {
    const { step, usual } = await engines[data.kind](data);
    postMessage({ ready: true, usual });
    if (data.shared) await share(data.shared, data, step);
    else exchange(data.port, data, step);
  } catch (problem) {
    postMessage({ problem: String(problem?.message ?? problem) });
  }
};
