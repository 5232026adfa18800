// The part of the live denoiser and of the echo corner that runs on the browser's audio thread. It
// takes what sounds in blocks of 128 samples, hands them to a worker in blocks of the size that the
// worker wants, and plays what came back, a fixed time after it was heard. Whatever is not there
// in time is missed: counted, and silent.
const FADE = 128; // samples of the cross-fade when a switch or the delay is moved
const BLOCKS = 256; // of what was heard and of what came back, kept in rings
const REPORT = 640; // samples after which the page is told
const ZEROS = 16; // zero crossings of the resampler's kernel on each side

// Another rate, by a sinc in a Kaiser window; samples come as they please, late by `late` of them.
class Resampler {
  constructor(from, to) {
    const divisor = ((a, b) => { while (b) [a, b] = [b, a % b]; return a; })(from, to);
    [this.up, this.down] = [to / divisor, from / divisor];
    const narrow = Math.min(1, to / from); // the kernel is as wide as the lower rate needs it
    this.half = Math.ceil(ZEROS / narrow);
    this.late = this.half; // at the old rate
    const bessel = (x) => { let [sum, term] = [1, 1]; for (let k = 1; k < 40; k++) sum += term *= (x / 2 / k) ** 2; return sum; };
    this.kernels = Array.from({ length: this.up }, (_, phase) =>
      Float64Array.from({ length: 2 * this.half }, (_, tap) => {
        const t = tap - this.half + 1 - phase / this.up; // from the moment wanted, at the old rate
        const [x, edge] = [0.94 * narrow * t, t / this.half];
        const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
        return Math.abs(edge) < 1 ? 0.94 * narrow * sinc * (bessel(9 * Math.sqrt(1 - edge * edge)) / bessel(9)) : 0;
      }));
    this.past = new Float32Array(2 * this.half - 1);
    [this.phase, this.at] = [0, 0];
  }

  push(samples) {
    const all = new Float32Array(this.past.length + samples.length);
    all.set(this.past);
    all.set(samples, this.past.length);
    const out = [];
    while (this.at < samples.length) {
      const kernel = this.kernels[this.phase];
      let sum = 0;
      for (let tap = 0; tap < kernel.length; tap++) sum += kernel[tap] * all[this.at + tap];
      out.push(sum);
      this.phase += this.down;
      this.at += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    this.at -= samples.length;
    this.past = all.slice(all.length - this.past.length);
    return out;
  }
}

class Stream extends AudioWorkletProcessor {
  // size: samples of a block for the worker; lag: how many blocks later its result comes;
  // tap: {delay, clean} of what is played; rate: what the worker works at; shared: the rings, where
  // the page may share memory. Else a port to the worker comes as a message.
  constructor({ processorOptions: { size, lag, inputs, tap, rate, shared } }) {
    super();
    Object.assign(this, { size, lag, inputs, shared });
    const early = []; // blocks from before the port
    this.post = (block) => early.push(block);
    const given = sampleRate;
    if (given !== rate) {
      this.downs = Array.from({ length: inputs }, () => new Resampler(given, rate));
      this.up = new Resampler(rate, given);
      this.ready = new Array(Math.ceil((2 * given) / rate)).fill(0); // counts a block differ by one
      const late = this.downs[0].late / given + this.up.late / rate + this.ready.length / given;
      this.port.postMessage({ resampling: late }); // in seconds
    }
    this.length = size * BLOCKS;
    this.heard = Array.from({ length: inputs }, () => new Float32Array(this.length));
    this.clean = shared ? shared.out : new Float32Array(this.length);
    this.done = shared ? shared.done : new Int32Array(BLOCKS).fill(-1); // which block lies there
    this.n = this.arrived = this.hops = this.missed = 0;
    this.tap = { ...tap, hop: -1 };
    [this.before, this.fade] = [null, 0];
    this.report = { input: [], output: [], spent: [] };
    this.port.onmessage = ({ data }) => {
      if (data.tap) this.next = data.tap;
      if (data.end) this.ended = true;
      if (data.ask) this.port.postMessage({ arrived: shared ? Atomics.load(shared.control, 2) : this.arrived });
      if (!data.worker) return;
      data.worker.onmessage = (event) => this.arrive(event.data);
      this.post = (block) => data.worker.postMessage(block);
      early.forEach(this.post);
    };
  }

  arrive({ hop, samples, spent }) {
    const slot = (hop - this.lag + BLOCKS) % BLOCKS;
    this.clean.set(samples, slot * this.size);
    this.done[slot] = hop - this.lag;
    this.arrived = hop + 1;
    this.report.spent.push(spent);
  }

  send(hop) {
    const slot = hop % BLOCKS;
    const [from, to] = [slot * this.size, (slot + 1) * this.size];
    if (this.shared) {
      this.heard.forEach((ring, i) => this.shared.input.set(ring.subarray(from, to), (slot * this.inputs + i) * this.size));
      Atomics.store(this.shared.control, 0, hop + 1);
      Atomics.notify(this.shared.control, 0);
    } else {
      this.post({ hop, signals: this.heard.map((ring) => ring.slice(from, to)) });
    }
  }

  // What a tap plays at sample i: nothing before the beginning, and nothing that is not there.
  sample(tap, i) {
    const at = i - tap.delay;
    if (at < 0) return 0;
    if (!tap.clean) return this.heard[0][at % this.length];
    const hop = Math.floor(at / this.size);
    if (hop !== tap.hop) [tap.hop, tap.there] = [hop, Atomics.load(this.done, hop % BLOCKS) === hop];
    return tap.there ? this.clean[at % this.length] : 0;
  }

  count(i) {
    const at = i - this.tap.delay;
    if (at < 0 || at % this.size) return;
    const hop = at / this.size;
    this.hops++;
    if (Atomics.load(this.done, hop % BLOCKS) !== hop) this.missed++;
    else if (this.shared) this.report.spent.push(this.shared.spent[hop % BLOCKS]);
  }

  play(i) {
    this.count(i);
    const value = this.sample(this.tap, i);
    if (!this.before) return value;
    const share = (this.fade + 0.5) / FADE;
    const old = this.sample(this.before, i);
    if (++this.fade === FADE) this.before = null;
    return share * value + (1 - share) * old;
  }

  process(inputs, [[left, ...others]]) {
    if (this.ended) return false;
    if (this.next && !this.before) {
      const { delay } = this.tap;
      [this.before, this.tap, this.fade, this.next] = [this.tap, { ...this.next, hop: -1 }, 0, null];
      if (delay !== this.tap.delay) this.hops = this.missed = 0;
    }
    const signals = this.heard.map((_, i) => {
      const samples = inputs[i]?.[0] ?? new Float32Array(left.length);
      return this.downs ? this.downs[i].push(samples) : samples;
    });
    const [first, played] = [this.n, []];
    for (let k = 0; k < signals[0].length; k++) {
      this.heard.forEach((ring, i) => (ring[this.n % this.length] = signals[i][k]));
      this.n++;
      if (this.n % this.size === 0) this.send(this.n / this.size - 1);
    }
    for (let i = first; i < this.n; i++) played.push(this.play(i));
    this.tell(signals[0], played);
    if (this.up) this.ready.push(...this.up.push(played));
    left.set(this.up ? this.ready.splice(0, left.length) : played);
    for (const channel of others) channel.set(left);
    return true;
  }

  tell(heard, played) {
    const { input, output, spent } = this.report;
    input.push(...heard);
    output.push(...played);
    if (input.length < REPORT) return;
    const { n, hops, missed } = this;
    const report = { n, hops, missed, spent, input: Float32Array.from(input), output: Float32Array.from(output) };
    this.port.postMessage(report, [report.input.buffer, report.output.buffer]);
    this.report = { input: [], output: [], spent: [] };
  }
}

registerProcessor("a2a-stream", Stream);
