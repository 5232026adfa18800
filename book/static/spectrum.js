"use strict";
// Pictures of sound: a waveform above its spectrogram, drawn on a canvas. Used by every player.
const a2a = { zh: document.documentElement.lang.startsWith("zh") };
a2a.say = (english, chinese) => (a2a.zh ? chinese : english);

// What the pages that work with sound are built of.
a2a.make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
a2a.button = (words, act) => {
  const made = a2a.make("button", { type: "button", class: "a2a-button" }, words);
  made.onclick = act;
  return made;
};

// Cosines and sines of a whole turn in n steps, kept for the next time.
const turns = {};
const turn = (n) =>
  (turns[n] ??= [Math.cos, Math.sin].map((f) => Float32Array.from({ length: n }, (_, i) => f((2 * Math.PI * i) / n))));

// Fourier transform of `re` and `im` in place; the size is a power of two.
a2a.fft = (re, im) => {
  const n = re.length;
  const [cos, sin] = turn(n);
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const [r, m] = [re[i], im[i]];
      re[i] = re[j];
      im[i] = im[j];
      re[j] = r;
      im[j] = m;
    }
  }
  for (let size = 2; size <= n; size <<= 1) {
    const [half, step] = [size >> 1, n / size];
    for (let i = 0; i < n; i += size) {
      for (let k = 0; k < half; k++) {
        const [c, s] = [cos[k * step], -sin[k * step]];
        const j = i + k + half;
        const x = re[j] * c - im[j] * s;
        const y = re[j] * s + im[j] * c;
        re[j] = re[i + k] - x;
        im[j] = im[i + k] - y;
        re[i + k] += x;
        im[i + k] += y;
      }
    }
  }
};

// Levels in dB of the `size / 2` bins of the samples from `start` on.
a2a.levels = (samples, start, size) => {
  const [cos] = turn(size);
  const [re, im] = [new Float32Array(size), new Float32Array(size)];
  for (let i = 0; i < size; i++) re[i] = (samples[start + i] || 0) * (0.5 - 0.5 * cos[i]); // Hann
  a2a.fft(re, im);
  const levels = new Float32Array(size / 2);
  for (let k = 0; k < levels.length; k++) levels[k] = 10 * Math.log10(re[k] ** 2 + im[k] ** 2 + 1e-12);
  return levels;
};

// The same for each of `columns` moments.
a2a.spectrogram = (samples, size, columns) =>
  Array.from({ length: columns }, (_, column) =>
    a2a.levels(samples, Math.round(((column + 0.5) * samples.length) / columns - size / 2), size));

// From dark to light in even steps of lightness, told apart by color-blind eyes too.
const STOPS = [[0, 0, 4], [59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]];
const COLORS = Uint32Array.from({ length: 256 }, (_, i) => {
  const at = (i / 255) * (STOPS.length - 1);
  const low = Math.min(Math.floor(at), STOPS.length - 2);
  const [r, g, b] = STOPS[low].map((value, c) => Math.round(value + (at - low) * (STOPS[low + 1][c] - value)));
  return (255 << 24) | (b << 16) | (g << 8) | r; // as a little-endian machine stores red first
});
const RANGE = 70; // dB from the lightest color to black
const color = (level, loudest) => COLORS[Math.max(0, Math.min(255, Math.round(255 * (1 + (level - loudest) / RANGE))))];

a2a.peak = (samples) => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-4);

const drawWave = (context, samples, peak, width, height) => {
  context.fillStyle = "#9ecae1";
  for (let x = 0; x < width; x++) {
    const from = Math.floor((x * samples.length) / width);
    const to = Math.max(from + 1, Math.floor(((x + 1) * samples.length) / width));
    let [low, high] = [0, 0];
    for (let i = from; i < to; i++) {
      if (samples[i] < low) low = samples[i];
      if (samples[i] > high) high = samples[i];
    }
    const tall = Math.max(1, (((high - low) / peak) * height) / 2);
    context.fillRect(x, (height / 2) * (1 - high / peak), 1, tall);
  }
};

// Draws `samples` on a canvas: a waveform on top, below it a spectrogram up to `scale.top` Hz.
// Clips that are compared share scale.peak and scale.loudest; returns the loudest level drawn.
a2a.draw = (canvas, samples, rate, scale) => {
  const { width, height } = canvas;
  const split = Math.round(height * 0.3);
  const context = canvas.getContext("2d");
  context.fillStyle = "#000004";
  context.fillRect(0, 0, width, height);
  drawWave(context, samples, scale.peak, width, split);
  const size = rate > 12000 ? 512 : 256;
  const columns = a2a.spectrogram(samples, size, width);
  const loudest = scale.loudest ?? Math.max(-60, ...columns.map((levels) => Math.max(...levels)));
  const used = Math.min(size / 2, Math.round((scale.top / rate) * size));
  const tall = height - split;
  const image = context.createImageData(width, tall);
  const pixels = new Uint32Array(image.data.buffer);
  for (let y = 0; y < tall; y++) {
    const bin = Math.min(used - 1, Math.floor(((tall - 1 - y) / tall) * used));
    for (let x = 0; x < width; x++) pixels[y * width + x] = color(columns[x][bin], loudest);
  }
  context.putImageData(image, 0, split);
  return loudest;
};

// Moves a picture to the left and draws new columns of levels at its right.
a2a.scroll = (canvas, columns, loudest) => {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const fresh = columns.slice(-width);
  context.drawImage(canvas, -fresh.length, 0);
  const image = context.createImageData(fresh.length, height);
  const pixels = new Uint32Array(image.data.buffer);
  fresh.forEach((levels, x) => {
    for (let y = 0; y < height; y++) {
      const bin = Math.floor(((height - 1 - y) / height) * levels.length);
      pixels[y * fresh.length + x] = color(levels[bin], loudest);
    }
  });
  context.putImageData(image, width - fresh.length, 0);
};
