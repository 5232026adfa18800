"use strict";
// The two corners of the live page that work while it sounds: the denoiser that is 40 ms late, and
// the echo canceler that learns a room. Nothing leaves the page.
(async () => {
  const script = document.currentScript.src; // null after the first await
  const { say, make, button } = a2a;
  const corners = { denoise: document.querySelector(".a2a-talk"), echo: document.querySelector(".a2a-echo") };
  if (!corners.denoise) return;
  const assets = new URL(corners.denoise.dataset.assets, location.href).href;
  const BLOCKS = 256; // of the rings, as in stream-worklet.js
  const LEAST = 30; // ms: the window of 20, and something to compute in
  const MOST = 400;
  const COLUMN = 160; // samples from one column of the spectrograms to the next
  const SIZE = 512;
  const state = (a2a.stream = { talk: null, echo: null, context: null, kept: 30 }); // seconds of both sides, for the players

  const median = (values, share = 0.5) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];

  // --- a stream: where sound comes from, the worklet, the worker --------------------------------

  // What is heard and what is played, as far back as is kept.
  class Tape {
    constructor(rate) {
      this.most = state.kept * rate;
      this.clear();
    }

    clear() {
      [this.pieces, this.length] = [[], 0];
    }

    add(piece) {
      this.pieces.push(piece);
      this.length += piece.length;
      while (this.length - this.pieces[0].length >= this.most) this.length -= this.pieces.shift().length;
    }

    get samples() {
      const all = new Float32Array(this.length);
      let at = 0;
      for (const piece of this.pieces) {
        all.set(piece, at);
        at += piece.length;
      }
      return all;
    }
  }

  class Stream {
    // kind, facts, graph of the worker; size, lag, inputs, tap of the worklet.
    constructor(options) {
      Object.assign(this, options, { tracks: [], tap: options.tap, resampling: 0 });
      this.input = new Tape(this.facts.rate);
      this.output = new Tape(this.facts.rate);
      // The tests bring a context of their own, which has all the time in the world.
      this.context = state.context?.() ?? new AudioContext({ sampleRate: this.facts.rate, latencyHint: "interactive" });
    }

    async open() {
      this.go();
      const { kind, facts, graph, size, lag, inputs } = this;
      const room = (Kind, n) => new Kind(new SharedArrayBuffer(n * Kind.BYTES_PER_ELEMENT));
      this.shared = self.crossOriginIsolated && {
        control: room(Int32Array, 3), // blocks sent, whether to end, blocks done
        input: room(Float32Array, BLOCKS * inputs * size),
        out: room(Float32Array, BLOCKS * size),
        done: room(Int32Array, BLOCKS).fill(-1),
        spent: room(Float32Array, BLOCKS),
      };
      const { port1, port2 } = new MessageChannel();
      this.port = port1;
      this.worker = new Worker(new URL("stream-worker.js", script), { type: "module" });
      this.usual = await new Promise((resolve, reject) => {
        this.abandon = () => reject(Object.assign(new Error("stopped"), { stopped: true }));
        this.worker.onerror = () => reject(new Error(say("this browser could not start the worker", "浏览器无法启动后台程序")));
        this.worker.onmessage = ({ data }) => {
          if (data.problem) reject(new Error(data.problem));
          else if (data.ready) resolve(data.usual);
          else if (data.skipped !== undefined) this.skipped ??= data.skipped;
          else this.note?.(data);
        };
        this.worker.postMessage({ kind, assets, graph, facts, size, lag, inputs, blocks: BLOCKS, shared: this.shared, port: port2 }, [port2]);
      });
    }

    // A node of the microphone. Firefox wants it at the microphone's own rate: then the worklet
    // resamples. What browsers do to voices is switched off: we want to do it.
    async microphone() {
      const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
      const media = await navigator.mediaDevices.getUserMedia({ audio: plain });
      this.tracks = media.getTracks();
      this.go();
      try {
        return this.context.createMediaStreamSource(media);
      } catch {
        this.context.close();
        this.context = new AudioContext({ latencyHint: "interactive" });
        return this.context.createMediaStreamSource(media);
      }
    }

    // Goes on, unless it was stopped meanwhile.
    go() {
      if (!this.closed) return;
      this.close();
      throw Object.assign(new Error("stopped"), { stopped: true });
    }

    // A node that plays samples again and again.
    loop(samples) {
      const buffer = new AudioBuffer({ length: samples.length, sampleRate: this.facts.rate, numberOfChannels: 1 });
      buffer.copyToChannel(samples, 0);
      const node = this.context.createBufferSource();
      [node.buffer, node.loop] = [buffer, true];
      return node;
    }

    // Lays the wires, and lets it run; `wire` gets the worklet's node.
    async start(wire) {
      const { size, lag, inputs, tap, shared, facts, context } = this;
      this.go();
      await context.audioWorklet.addModule(new URL("stream-worklet.js", script));
      this.go();
      this.node = new AudioWorkletNode(context, "a2a-stream", {
        numberOfInputs: inputs,
        outputChannelCount: [1],
        channelCount: 1,
        channelCountMode: "explicit",
        processorOptions: { size, lag, inputs, tap, rate: facts.rate, shared: shared || null },
      });
      this.node.port.onmessage = ({ data }) => {
        if (data.resampling !== undefined) this.resampling = data.resampling;
        if (!data.input) return;
        this.input.add(data.input);
        this.output.add(data.output);
        this.hear(data);
      };
      if (!shared) this.node.port.postMessage({ worker: this.port }, [this.port]);
      wire(this.node);
      await context.resume();
    }

    // The delay, in samples, and whether what the worker made of it is played.
    turn(tap) {
      this.tap = tap;
      this.node?.port.postMessage({ tap });
    }

    close() {
      this.closed = true;
      this.abandon?.();
      if (this.shared) Atomics.store(this.shared.control, 1, 1);
      this.node?.port.postMessage({ end: true });
      for (const track of this.tracks) track.stop();
      this.worker?.terminate();
      if (this.context.state !== "closed") this.context.close?.();
    }
  }

  const decode = async (bytes, rate) => (await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes)).getChannelData(0);
  const fetched = async (name, rate) => decode(await (await fetch(assets + name)).arrayBuffer(), rate);

  // What went in and what came out, to be heard again.
  const players = (host, rate, clips) => {
    const place = make("div");
    host.replaceChildren(place);
    const player = new a2a.Player(clips.map(([name, samples]) => {
      const buffer = new AudioBuffer({ length: samples.length, sampleRate: rate, numberOfChannels: 1 });
      buffer.copyToChannel(samples, 0);
      return { name, facts: `${buffer.duration.toFixed(2)} s · ${rate} Hz`, rate, load: async () => buffer };
    }), place);
    player.ready();
    return player;
  };

  const why = (problem) => {
    if (problem.name === "NotAllowedError") return say("the browser may not use the microphone: allow it beside the address, or take our recording", "浏览器不能使用麦克风：请在地址栏旁边允许，或者使用课程的录音");
    if (problem.name === "NotFoundError") return say("there is no microphone: take our recording", "没有找到麦克风：请使用课程的录音");
    return problem.message;
  };

  // --- pictures ---------------------------------------------------------------------------------

  // A spectrogram that runs: `feed` takes samples as they come, `show` draws what has come.
  class Running {
    constructor(words) {
      this.canvas = make("canvas", { width: 600, height: 128, role: "img", "aria-label": say(`Running spectrogram: ${words}. Time runs to the right, six seconds in all; frequency upwards, to 8 kHz.`, `滚动的语谱图：${words}。横轴是时间，共六秒；纵轴是频率，到 8 kHz。`) });
      this.root = make("figure", { class: "a2a-running" }, make("figcaption", {}, words), make("div", { class: "a2a-axes" },
        make("span", { class: "a2a-y" }, "8 kHz"), make("span", { class: "a2a-y" }, "4"), make("span", { class: "a2a-y" }, "0"), this.canvas));
      this.clear();
    }

    clear() {
      [this.left, this.columns] = [new Float32Array(0), []];
      const context = this.canvas.getContext("2d");
      context.fillStyle = "#000004";
      context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    }

    feed(samples) {
      const all = new Float32Array(this.left.length + samples.length);
      all.set(this.left);
      all.set(samples, this.left.length);
      let at = 0;
      for (; at + SIZE <= all.length; at += COLUMN) this.columns.push(a2a.levels(all, at, SIZE));
      this.left = all.slice(at);
    }

    show(loudest) {
      if (this.columns.length) a2a.scroll(this.canvas, this.columns, loudest);
      this.columns = [];
    }
  }

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Axes with ticks, and what `draw` draws between them.
  const chart = (canvas, { x, y, left = 44, bottom = 34 }, draw) => {
    const ratio = Math.max(1, self.devicePixelRatio || 1);
    const [width, height] = [canvas.clientWidth || 600, canvas.clientHeight || 150];
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const [right, top] = [width - 12, 10];
    const low = height - bottom;
    const place = {
      x: (value) => left + ((value - x.from) / (x.to - x.from)) * (right - left),
      y: (value) => low - ((value - y.from) / (y.to - y.from)) * (low - top),
    };
    context.font = `12px ${getComputedStyle(canvas).fontFamily}`;
    [context.fillStyle, context.strokeStyle] = [style("--pst-color-text-base"), style("--pst-color-border")];
    context.textAlign = "center";
    for (const value of x.ticks) context.fillText(String(Math.abs(value)), place.x(value), low + 14);
    context.fillText(x.words, (left + right) / 2, height - 4);
    context.textAlign = "end";
    for (const value of y.ticks) {
      context.fillText(String(value), left - 6, place.y(value) + 4);
      context.beginPath();
      context.moveTo(left, place.y(value));
      context.lineTo(right, place.y(value));
      context.stroke();
    }
    context.save();
    context.translate(11, (top + low) / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(y.words, 0, 0);
    context.restore();
    draw(context, place);
  };

  // --- you, live --------------------------------------------------------------------------------

  const talk = ({ streams, networks }) => {
    const [graph, facts] = Object.entries(streams)[0];
    const { rate, hop, late } = facts;
    const ms = (1000 * hop) / rate;
    const root = corners.denoise;
    const voice = button(say("Speak", "对着它说话"), () => start("microphone"));
    const clip = button(say("Our noisy recording", "课程的带噪录音"), () => start("clip"));
    const stop = button(say("Stop", "停止"), () => halt());
    stop.hidden = true;
    const slider = make("input", { type: "range", min: LEAST, max: MOST, step: 5, value: 40, class: "a2a-seek", id: "a2a-delay" });
    const number = make("strong", { class: "a2a-number" });
    const works = make("input", { type: "checkbox", role: "switch", checked: "", id: "a2a-works" });
    const volume = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: 1, class: "a2a-seek", id: "a2a-volume" });
    const budget = make("div", { class: "a2a-budget", role: "img" });
    const verdict = make("p", { class: "a2a-verdict" });
    const status = make("p", { class: "a2a-status", role: "status" });
    const [before, after] = [new Running(say("Before: what the microphone hears", "处理之前：麦克风听到的")), new Running(say("After: what you hear", "处理之后：你听到的"))];
    const hops = make("canvas", { class: "a2a-hops", role: "img", "aria-label": say("Processor time of the last hops, in milliseconds, against the 10 ms that a hop lasts", "最近各帧移的处理器时间（毫秒），与一个帧移的 10 ms 相比") });
    const spent = make("p", { class: "a2a-facts" });
    const result = make("div", { class: "a2a-result-live" });
    root.replaceChildren(
      make("div", { class: "a2a-row" }, voice, clip, stop),
      status,
      make("div", { class: "a2a-knobs" },
        make("label", { for: "a2a-works", class: "a2a-switch" }, works, make("span", {}, say("Denoiser", "降噪"))),
        make("label", { for: "a2a-volume" }, say("Volume", "音量"), volume)),
      make("div", { class: "a2a-delay" }, make("label", { for: "a2a-delay" }, say("Delay that this page adds", "本页增加的延迟")), number, slider),
      budget, verdict, before.root, after.root,
      make("figure", { class: "a2a-running" }, make("figcaption", {}, say("Processor time of each hop", "每个帧移的处理器时间")), hops, spent),
      result);
    const tell = (words) => (status.textContent = words);
    let [stream, times, top, drawn, heard] = [null, [], -10, 0, null];

    const samples = () => Math.round((Number(slider.value) * rate) / 1000);
    const card = () => (stream && stream.context.state !== "closed" ? 1000 * ((stream.context.outputLatency || stream.context.baseLatency || 0) + stream.resampling) : 0);

    // Where the milliseconds are, on a scale to 450, with the marks of G.114.
    const show = () => {
      const [delay, window, extra] = [Number(slider.value), (1000 * late) / rate, Math.round(card())];
      const total = delay + extra;
      const parts = [
        ["window", window, say(`window ${window}`, `窗 ${window}`)],
        ["wait", delay - window, say(`hop and waiting ${delay - window}`, `帧移与等待 ${delay - window}`)],
        ["card", extra, say(`loudspeaker ${extra}`, `扬声器 ${extra}`)],
      ].filter(([, size]) => size > 0);
      number.textContent = `${delay} ms`;
      slider.setAttribute("aria-valuetext", say(`${delay} milliseconds`, `${delay} 毫秒`));
      const bar = make("div", { class: "a2a-parts" }, ...parts.map(([kind, size]) => make("i", { class: `a2a-${kind}`, style: `inline-size: ${(100 * size) / 500}%` })));
      for (const mark of [150, 400]) bar.append(make("b", { style: `inset-inline-start: ${(100 * mark) / 500}%` }, make("span", {}, `${mark} ms`)));
      const key = make("p", { class: "a2a-facts" }, ...parts.map(([kind, , words]) => make("span", { class: "a2a-key-of" }, make("i", { class: `a2a-${kind}` }), `${words} ms`)));
      budget.replaceChildren(bar, key);
      budget.setAttribute("aria-label", say(`A delay of ${total} ms: ${parts.map(([, , words]) => words).join(", ")} ms. Marks of ITU-T G.114 at 150 and 400 ms.`, `延迟 ${total} ms：${parts.map(([, , words]) => words).join("、")} ms。150 与 400 ms 处是 ITU-T G.114 的标记。`));
      verdict.textContent = total < 150
        ? say(`${total} ms: in a call, ITU-T G.114 says, most conversations are undisturbed below 150 ms from mouth to ear; the network between two people needs its share of that.`, `${total} ms：ITU-T G.114 指出，通话中从嘴到耳的延迟低于 150 ms 时，大多数交谈不受影响；两人之间的网络也要占去其中一份。`)
        : total <= 400
          ? say(`${total} ms: over 150 ms two people begin to talk at the same time; ITU-T G.114 asks those who plan networks not to exceed 400 ms.`, `${total} ms：超过 150 ms，两个人就容易同时开口；ITU-T G.114 要求规划网络的人不要超过 400 ms。`)
          : say(`${total} ms: more than the 400 ms that ITU-T G.114 asks those who plan networks not to exceed.`, `${total} ms：超过了 ITU-T G.114 要求规划网络的人不要超过的 400 ms。`);
    };

    const turn = () => {
      stream?.turn({ delay: samples(), clean: works.checked });
      show();
    };
    slider.oninput = works.onchange = turn;
    volume.oninput = () => stream?.gain && (stream.gain.gain.value = Number(volume.value));

    const busy = (on) => {
      [voice.disabled, clip.disabled, stop.hidden] = [on || !navigator.mediaDevices, on, !on];
    };

    const start = async (source) => {
      busy(true);
      result.replaceChildren();
      [times, top, heard] = [[], -10, null];
      before.clear();
      after.clear();
      for (const player of a2a.players) if (player.playing) player.pause();
      stream = state.talk = new Stream({ kind: "denoise", facts, graph, size: hop, lag: 1, inputs: 1, tap: { delay: samples(), clean: works.checked } });
      stream.hear = (report) => {
        heard = report;
        times.push(...report.spent);
        before.feed(report.input);
        after.feed(report.output);
      };
      const mine = stream;
      try {
        tell(say("Loading the model, the first time some 16 MB …", "正在加载模型，第一次约 16 MB……"));
        const sound = source === "clip" ? await fetched(facts.clip, rate) : null;
        const microphone = sound ? null : await stream.microphone();
        await stream.open();
        if (!state.moved) slider.value = fitting(stream);
        turn();
        await stream.start((node) => {
          stream.gain = new GainNode(stream.context, { gain: Number(volume.value) });
          node.connect(stream.gain).connect(stream.context.destination);
          const from = sound ? stream.loop(sound) : microphone;
          from.connect(node);
          if (sound) from.start();
        });
        tell(sound
          ? say("You hear our noisy voice, denoised. Switch the denoiser off and on.", "你听到的是课程的带噪语音，已降噪。把降噪关掉再打开，比较一下。")
          : say("Speak: you hear yourself. Whistle, clap, rustle some paper.", "请说话：你会听到自己。吹口哨、拍手、翻翻纸。"));
        requestAnimationFrame(draw);
      } catch (problem) {
        if (mine !== stream) return;
        end();
        tell(problem.stopped ? say("Stopped.", "已停止。") : say(`That did not work: ${why(problem)}`, `没有成功：${why(problem)}`));
      }
    };
    slider.onchange = () => (state.moved = true);

    // The delay at which hops come in time: the window, a block of the sound card, and computing.
    const fitting = ({ context, usual }) => {
      const block = Math.max((1000 * 128) / rate, 1000 * (context.baseLatency || 0));
      return Math.min(MOST, Math.max(40, 10 * Math.ceil(((1000 * late) / rate + 2 + block + 2 * usual) / 10)));
    };

    const draw = () => {
      if (!stream || stream.context.state === "closed") return;
      requestAnimationFrame(draw);
      if (before.columns.length < 4) return; // 25 pictures a second will do
      top -= 0.01 * before.columns.length; // follows a voice that becomes quieter, 1 dB a second
      for (const levels of before.columns) top = levels.reduce((most, level) => Math.max(most, level), top);
      before.show(top);
      after.show(top);
      if (performance.now() - drawn > 250 && heard) {
        drawn = performance.now();
        measure();
        show();
      }
    };

    const measure = () => {
      times = times.slice(-500);
      chart(hops, { x: { from: -5, to: 0, ticks: [-5, -4, -3, -2, -1, 0], words: say("seconds ago", "秒前") }, y: { from: 0, to: 12, ticks: [0, 5, 10], words: "ms" } }, (context, place) => {
        context.strokeStyle = style("--a2a-deadline");
        context.setLineDash([6, 4]);
        context.beginPath();
        context.moveTo(place.x(-5), place.y(ms));
        context.lineTo(place.x(0), place.y(ms));
        context.stroke();
        const wide = Math.max(1, (place.x(0) - place.x(-5)) / 500 - 0.3);
        times.forEach((value, i) => {
          context.fillStyle = style(value > ms ? "--a2a-deadline" : "--a2a-accent");
          const height = place.y(0) - place.y(Math.min(12, value));
          context.fillRect(place.x(((i - times.length) * ms) / 1000), place.y(0) - height, wide, height);
        });
      });
      const { missed, hops: all } = heard;
      const [usual, slow] = times.length ? [median(times), median(times, 0.95)] : [0, 0];
      const [a, b] = [usual.toFixed(1), slow.toFixed(1)];
      spent.textContent = say(
        `Half of the hops take less than ${a} ms, 95 % less than ${b} ms; the next one comes after ${ms} ms. Missed: ${missed} of ${all} hops at this delay${missed > 0.02 * all ? ". Each is a gap: give them more time" : ""}.`,
        `一半的帧移用时不到 ${a} ms，95% 不到 ${b} ms；每 ${ms} ms 来一个新的。在这个延迟下错过：${all} 个里 ${missed} 个${missed > 0.02 * all ? "。每错过一个就是一个缺口：请把延迟调大" : ""}。`);
    };

    const end = () => {
      stream?.close();
      stream = state.talk = null;
      busy(false);
    };

    const halt = () => {
      const { input, output, tap } = stream;
      end();
      tell(say("Stopped.", "已停止。"));
      const noisy = input.samples;
      if (noisy.length < rate / 2) return;
      // Both sides of the same moment: what was played is moved back by the delay.
      const clips = [[say("Before", "处理之前"), noisy.slice(0, noisy.length - tap.delay)], [say("After, live", "处理之后（实时）"), output.samples.slice(tap.delay)]];
      const host = make("div");
      const other = Object.keys(networks).find((name) => networks[name].task === "acoustic-noise-suppression");
      const ahead = button(say("And looking ahead?", "如果能看到未来呢？"), () => look(other, clips, host, ahead));
      result.replaceChildren(host, make("div", { class: "a2a-row" }, ahead, make("span", {}, say("The network that hears the whole recording first, on the same sound.", "先听完整段录音的网络，处理同一段声音。"))));
      players(host, rate, clips);
    };

    const look = (kind, clips, host, ahead) => {
      ahead.disabled = true;
      const worker = new Worker(new URL("live-worker.js", script), { type: "module" });
      worker.onmessage = ({ data }) => {
        if (data.progress !== undefined) return tell(say("Working, on this computer …", "正在本机计算……"));
        worker.terminate();
        if (data.problem) return tell(say(`That did not work: ${data.problem}`, `没有成功：${data.problem}`));
        players(host, rate, [...clips, [say("After, looking ahead", "处理之后（看到未来）"), data.tracks[0]]]);
        tell(say("Press 1, 2 and 3 while it plays.", "播放时按 1、2、3 切换。"));
      };
      worker.postMessage({ kind, samples: clips[0][1], rate, assets });
    };

    busy(false);
    show();
  };

  // --- the echo of your room --------------------------------------------------------------------

  const room = ({ echo: facts }) => {
    const { rate, block } = facts;
    const SPAN = 40; // seconds of the chart
    const TAP = { delay: Math.round(0.3 * rate), clean: true };
    const root = corners.echo;
    const mine = button(say("My room, through the loudspeaker", "我的房间，用扬声器"), () => start("room"));
    const made = button(say("A simulated room", "模拟的房间"), () => start("simulated"));
    const stop = button(say("Stop", "停止"), () => halt());
    stop.hidden = true;
    const number = make("strong", { class: "a2a-number" });
    const status = make("p", { class: "a2a-status", role: "status" });
    const canvas = make("canvas", { class: "a2a-erle", role: "img", "aria-label": say("How much of the echo is gone, in decibels (ERLE), over the seconds since the start", "回声减少了多少分贝（ERLE），随开始以来的秒数变化") });
    const result = make("div", { class: "a2a-result-live" });
    root.replaceChildren(make("div", { class: "a2a-row" }, mine, made, stop), status,
      make("figure", { class: "a2a-running" }, make("figcaption", {}, say("The echo that is gone: ERLE ", "去掉的回声：ERLE "), number), canvas), result);
    const tell = (words) => (status.textContent = words);
    let [stream, points, energy] = [null, [], []];

    const draw = () => chart(canvas, { x: { from: 0, to: SPAN, ticks: [0, 10, 20, 30, 40], words: say("time (s)", "时间（秒）") }, y: { from: 0, to: 50, ticks: [0, 10, 20, 30, 40, 50], words: "ERLE (dB)" } }, (context, place) => {
      const last = points.at(-1)?.[0] ?? 0;
      const from = Math.max(0, last - SPAN);
      [context.strokeStyle, context.lineWidth, context.lineJoin] = [style("--a2a-accent"), 2.5, "round"];
      context.beginPath();
      for (const [at, value] of points) if (at >= from) context.lineTo(place.x(at - from), place.y(Math.max(0, Math.min(50, value))));
      context.stroke();
    });

    const busy = (on) => {
      [mine.disabled, made.disabled, stop.hidden] = [on || !navigator.mediaDevices, on, !on];
    };

    // A room that is made up: a direct sound, and noise that rings off by 60 dB in 0.3 s.
    const response = (context) => {
      const n = Math.round(0.2 * context.sampleRate);
      const buffer = new AudioBuffer({ length: n, sampleRate: context.sampleRate, numberOfChannels: 1 });
      let seed = 1;
      const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
      const delay = Math.round(0.04 * context.sampleRate); // what a sound card adds
      buffer.copyToChannel(Float32Array.from({ length: n }, (_, i) => {
        if (i < delay) return 0;
        return i === delay ? 0.5 : 0.2 * random() * 10 ** ((-3 * (i - delay)) / (0.3 * context.sampleRate));
      }), 0);
      return buffer;
    };

    const start = async (source) => {
      busy(true);
      result.replaceChildren();
      [points, energy] = [[], []];
      number.textContent = "";
      for (const player of a2a.players) if (player.playing) player.pause();
      const current = (stream = state.echo = new Stream({ kind: "echo", facts, size: block, lag: 0, inputs: 2, tap: TAP }));
      stream.note = ({ late }) => {
        stream.late = late;
        tell(say(`The echo comes ${Math.round((1000 * late) / rate)} ms after the loudspeaker gets its sound. Now the filter learns the room: keep silent, and then speak into it.`, `声音交给扬声器之后 ${Math.round((1000 * late) / rate)} ms，回声到达。滤波器正在学习房间：先安静，再说话试试。`));
      };
      stream.hear = hear;
      try {
        const far = await fetched(`${facts.clip.split("/").pop().split(".")[0]}.wav`, rate);
        const microphone = source === "room" ? await stream.microphone() : null;
        await stream.open();
        await stream.start((node) => {
          const playing = stream.loop(far);
          playing.connect(node, 0, 1);
          if (microphone) {
            microphone.connect(node, 0, 0);
            playing.connect(stream.context.destination);
          } else {
            const made = new ConvolverNode(stream.context, { buffer: response(stream.context), disableNormalization: true });
            playing.connect(made).connect(node, 0, 0);
            made.connect(stream.context.destination);
          }
          const mute = new GainNode(stream.context, { gain: 0 }); // without an end it would not run
          node.connect(mute).connect(stream.context.destination);
          playing.start();
        });
        tell(say("Listening for how late the echo comes …", "正在找出回声晚了多少……"));
      } catch (problem) {
        if (current !== stream) return;
        end();
        tell(problem.stopped ? say("Stopped.", "已停止。") : say(`That did not work: ${why(problem)}`, `没有成功：${why(problem)}`));
      }
    };

    // ERLE over the last two seconds: the energy of the microphone, against that of what is left.
    const hear = ({ n, missed, input, output }) => {
      const { delay } = TAP;
      stream.pending = [...(stream.pending ?? []), ...input];
      if (n <= delay) return;
      const sum = (samples) => samples.reduce((total, value) => total + value * value, 0);
      const mic = stream.pending.splice(0, stream.pending.length - delay);
      if (missed === (stream.missed ?? 0)) energy.push([sum(mic), sum(output.slice(output.length - mic.length))]);
      stream.missed = missed; // a block that came too late is silent, and not the filter's merit
      energy = energy.slice(-Math.round((2 * rate) / output.length));
      const [all, left] = [0, 1].map((k) => energy.reduce((total, pair) => total + pair[k], 1e-12));
      const erle = 10 * Math.log10(all / left);
      points.push([(n - delay) / rate, erle]);
      stream.erle = erle;
      number.textContent = `${Math.max(0, erle).toFixed(0)} dB`;
      draw();
    };

    const end = () => {
      stream?.close();
      stream = state.echo = null;
      busy(false);
    };

    const halt = () => {
      const { input, output } = stream;
      end();
      tell(say("Stopped.", "已停止。"));
      const heard = input.samples;
      if (heard.length < rate) return;
      const host = make("div");
      result.replaceChildren(host);
      players(host, rate, [[say("The microphone", "麦克风"), heard.slice(0, heard.length - TAP.delay)], [say("What is left", "剩下的"), output.samples.slice(TAP.delay)]]);
    };

    busy(false);
    draw();
    new ResizeObserver(draw).observe(canvas);
  };

  if (location.protocol === "file:") {
    const words = say("This page works over http: python run.py book --serve shows the site that way.", "本页需要通过 http 打开：python run.py book --serve 会这样显示网站。");
    for (const root of Object.values(corners)) root.replaceChildren(make("p", { class: "a2a-status" }, words));
    return;
  }
  const facts = await (await fetch(`${assets}networks.json`)).json();
  talk(facts);
  room(facts);
})();
