// The echo canceler of helpers.stream in JavaScript: the partitioned Kalman filter of
// helpers.adaptive, and its search for how late the echo comes. The numbers are Python's, to
// rounding: the tests run both on the same sounds. Its constants come out of networks.json.

// Fourier transform in place, of a size that is a power of two.
export class Transform {
  constructor(size) {
    this.size = size;
    this.cos = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.sin = Float64Array.from({ length: size / 2 }, (_, k) => Math.sin((2 * Math.PI * k) / size));
    this.places = new Uint32Array(size);
    for (let i = 1; i < size; i++) this.places[i] = (this.places[i >> 1] >> 1) | (i & 1 ? size >> 1 : 0);
  }

  run(re, im) {
    const { size, cos, sin, places } = this;
    for (let i = 0; i < size; i++) {
      const j = places[i];
      if (j <= i) continue;
      let kept = re[i]; re[i] = re[j]; re[j] = kept;
      kept = im[i]; im[i] = im[j]; im[j] = kept;
    }
    for (let half = 1; half < size; half <<= 1) {
      const step = size / 2 / half;
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const [c, s, i, j] = [cos[k * step], -sin[k * step], start + k, start + k + half];
          const [x, y] = [re[j] * c - im[j] * s, re[j] * s + im[j] * c];
          re[j] = re[i] - x;
          im[j] = im[i] - y;
          re[i] += x;
          im[i] += y;
        }
      }
    }
  }

  back(re, im) { // the inverse: with the parts exchanged, forwards is backwards
    this.run(im, re);
    for (let i = 0; i < this.size; i++) {
      re[i] /= this.size;
      im[i] /= this.size;
    }
  }

  // The spectrum of real samples, bins 0 to size / 2.
  forward(samples) {
    const [re, im] = [new Float64Array(this.size), new Float64Array(this.size)];
    re.set(samples);
    this.run(re, im);
    return { re: re.slice(0, this.size / 2 + 1), im: im.slice(0, this.size / 2 + 1) };
  }

  // And back again. As with every such inverse, the first and the last bin count as real.
  inverse(spectrum) {
    const { size } = this;
    const [re, im] = [new Float64Array(size), new Float64Array(size)];
    for (let k = 0; k <= size / 2; k++) {
      const inner = k > 0 && k < size / 2;
      re[k] = spectrum.re[k];
      im[k] = inner ? spectrum.im[k] : 0;
      if (inner) [re[size - k], im[size - k]] = [re[k], -im[k]];
    }
    this.back(re, im);
    return re;
  }
}

const zeros = (n) => ({ re: new Float64Array(n), im: new Float64Array(n) });

export class Kalman {
  constructor({ block, parts, forget, neighbors }) {
    Object.assign(this, { block, parts, forget, neighbors, bins: block + 1, transform: new Transform(2 * block) });
    this.unknown = Float64Array.from({ length: parts }, (_, p) => 10 ** (1 - 0.3 * p));
    this.spectra = Array.from({ length: parts }, () => zeros(this.bins)); // newest block first
    this.answer = Array.from({ length: parts }, () => zeros(this.bins));
    this.doubt = Array.from(this.unknown, (value) => new Float64Array(this.bins).fill(value));
    this.played = new Float64Array(block);
    this.others = new Float64Array(this.bins);
  }

  // The sum over the parts of spectra times filters, as the last block of samples.
  predict(filters) {
    const sum = zeros(this.bins);
    this.spectra.forEach((x, p) => {
      const h = filters[p];
      for (let k = 0; k < this.bins; k++) {
        sum.re[k] += x.re[k] * h.re[k] - x.im[k] * h.im[k];
        sum.im[k] += x.re[k] * h.im[k] + x.im[k] * h.re[k];
      }
    });
    return this.transform.inverse(sum).subarray(this.block);
  }

  // Takes the echo out of a block of the microphone, and learns from what was missed.
  step(heard, played) {
    const { block, bins, parts, transform } = this;
    const both = new Float64Array(2 * block);
    both.set(this.played);
    both.set(played, block);
    this.played = Float64Array.from(played);
    this.spectra.unshift(transform.forward(both));
    this.spectra.pop();
    const guess = this.predict(this.answer);
    const error = Float64Array.from(heard, (value, i) => value - guess[i]);
    both.fill(0).set(error, block);
    const missed = transform.forward(both);
    const whole = new Float64Array(bins);
    for (let k = 0; k < bins; k++) {
      this.others[k] = 0.5 * (this.others[k] + missed.re[k] ** 2 + missed.im[k] ** 2);
      whole[k] = 2 * this.others[k];
    }
    const power = this.spectra.map((x) => x.re.map((value, k) => value ** 2 + x.im[k] ** 2));
    for (let p = 0; p < parts; p++) for (let k = 0; k < bins; k++) whole[k] += this.doubt[p][k] * power[p][k];
    const smooth = this.smooth(whole);
    const steps = this.doubt.map((row) => row.map((value, k) => value / (smooth[k] + 1e-10)));
    const change = this.spectra.map((x, p) => {
      const [wanted, step] = [zeros(bins), steps[p]];
      for (let k = 0; k < bins; k++) { // the step times the conjugate of x times what was missed
        wanted.re[k] = step[k] * (x.re[k] * missed.re[k] + x.im[k] * missed.im[k]);
        wanted.im[k] = step[k] * (x.re[k] * missed.im[k] - x.im[k] * missed.re[k]);
      }
      // A part is one block long: the rest is the transform's wrapping round.
      return transform.forward(transform.inverse(wanted).fill(0, block));
    });
    const effect = this.predict(change);
    let [along, size] = [0, 0];
    for (let i = 0; i < block; i++) {
      along += error[i] * effect[i];
      size += effect[i] ** 2;
    }
    this.learn(change, Math.max(0, Math.min(1, along / (size + 1e-20))), steps, power);
    return error;
  }

  learn(change, fit, steps, power) {
    const [keep, least] = [this.forget ** 2, this.unknown.map((value) => value / 100)];
    for (let p = 0; p < this.parts; p++) {
      const [{ re, im }, doubt] = [this.answer[p], this.doubt[p]];
      for (let k = 0; k < this.bins; k++) {
        re[k] += fit * change[p].re[k];
        im[k] += fit * change[p].im[k];
        doubt[k] *= keep * Math.max(1 - 0.35 * steps[p][k] * power[p][k], 0);
        doubt[k] += (1 - keep) * (re[k] ** 2 + im[k] ** 2 + least[p]);
      }
    }
  }

  // One block's power is a jagged guess of the far end's: look at the neighbors, too.
  smooth(values) {
    const reach = (this.neighbors.length - 1) / 2;
    const last = values.length - 1;
    return values.map((_, k) =>
      this.neighbors.reduce((sum, weight, i) => sum + weight * values[Math.max(0, Math.min(last, k + i - reach))], 0));
  }
}

// By how many samples the echo comes after the far end, by GCC-PHAT; null where there is none.
export const bulkDelay = (mic, far, most, distinct) => {
  let size = 2;
  while (size <= 2 * mic.length - 1) size *= 2;
  const transform = new Transform(size);
  const [heard, played] = [transform.forward(mic), transform.forward(far)];
  const cross = zeros(size / 2 + 1);
  cross.re.forEach((_, k) => {
    cross.re[k] = heard.re[k] * played.re[k] + heard.im[k] * played.im[k];
    cross.im[k] = heard.im[k] * played.re[k] - heard.re[k] * played.im[k];
  });
  const strength = cross.re.map((value, k) => Math.hypot(value, cross.im[k]));
  const top = strength.reduce((a, b) => Math.max(a, b), 0);
  if (!top) return null;
  strength.forEach((value, k) => {
    cross.re[k] /= value + 1e-9 * top; // PHAT: of each frequency only its phase counts
    cross.im[k] /= value + 1e-9 * top;
  });
  const wave = transform.inverse(cross);
  const reach = Math.min(most, size / 2 - 1);
  const scores = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => Math.abs(wave[(i - reach + size) % size]));
  const best = scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
  const median = Float64Array.from(scores).sort()[reach];
  return scores[best] > distinct * median ? best - reach : null;
};

// The filter on a stream whose echo may be late: it first listens for the delay, then it learns.
export class Canceler {
  constructor(facts, found = () => {}) {
    Object.assign(this, { facts, found, filter: new Kalman(facts), late: null });
    this.listened = Math.round(1.5 * facts.rate / facts.block); // blocks before each look
    this.mics = [];
    this.fars = [];
  }

  step(mic, far) {
    const { block, margin, distinct, rate } = this.facts;
    this.fars.push(Float32Array.from(far));
    if (this.late === null) {
      this.mics.push(Float32Array.from(mic));
      if (this.mics.length % this.listened) return mic;
      const late = bulkDelay(joined(this.mics), joined(this.fars), 0.5 * rate, distinct);
      if (this.mics.length >= 3 * this.listened) [this.mics, this.fars] = [[], []]; // begin anew
      if (late === null || late < 0) return mic;
      this.late = Math.max(0, late - margin); // something may arrive before the peak
      this.mics = [];
      this.found(late);
    }
    const kept = Math.ceil(this.late / block) + 1;
    while (this.fars.length < kept) this.fars.unshift(new Float32Array(block));
    this.fars.splice(0, this.fars.length - kept);
    const past = joined(this.fars);
    const from = past.length - block - this.late;
    return this.filter.step(mic, past.subarray(from, from + block));
  }
}

const joined = (blocks) => {
  const all = new Float32Array(blocks.reduce((n, block) => n + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    all.set(block, at);
    at += block.length;
  }
  return all;
};
