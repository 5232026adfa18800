"use strict";
// The page that separates and denoises in the browser. Nothing leaves it: the models come to the
// sound, not the sound to the models.
(async () => {
  const script = document.currentScript.src; // null after the first await
  const { say, make, button } = a2a;
  const LONGEST = 600; // seconds
  const RECORDED = 10; // seconds of the microphone
  // What a network does is said by its task; its rate and its recording are in networks.json.
  const WORDS = {
    "speech-separation": {
      name: say("Separate two voices", "分离两个人的声音"),
      demo: say("Two people at once", "两个人同时说话"),
      tracks: [say("One of them", "其中一人"), say("The other", "另一人")],
    },
    "acoustic-noise-suppression": {
      name: say("Remove noise", "去除噪声"),
      demo: say("With noise", "带噪语音"),
      tracks: [say("Without it", "降噪之后")],
    },
  };
  const root = document.querySelector(".a2a-live");
  if (!root) return;
  const assets = new URL(root.dataset.assets, location.href).href;
  const state = (a2a.live = { kind: null, worker: null, player: null, tracks: null, seconds: null });
  const local = location.protocol === "file:"; // from there nothing can be fetched: it is said below
  const { networks } = local ? { networks: {} } : await (await fetch(`${assets}networks.json`)).json();
  const TASKS = Object.fromEntries(Object.entries(networks).map(([kind, facts]) => [kind, { ...facts, ...WORDS[facts.task] }]));
  state.kind = Object.keys(TASKS)[0];

  // --- the controls ------------------------------------------------------------------------------

  const tasks = make("fieldset", {}, make("legend", {}, say("What to do", "做什么")));
  for (const [kind, task] of Object.entries(TASKS)) {
    const radio = make("input", { type: "radio", name: "task", value: kind });
    radio.checked = kind === state.kind;
    radio.onchange = () => (state.kind = kind);
    tasks.append(make("label", {}, radio, ` ${task.name}`));
  }
  const file = make("input", { type: "file", accept: "audio/*,video/*", "aria-label": say("Your own recording", "你自己的录音") });
  const demo = button(say("Our recording", "课程的录音"), () => start(fromSite));
  const microphone = button(say("Microphone, 10 s", "麦克风，10 秒"), () => start(fromMicrophone));
  const stop = button(say("Stop", "停止"), () => halt());
  stop.hidden = true;
  const inputs = make("fieldset", {}, make("legend", {}, say("With which sound", "用哪段声音")));
  inputs.append(demo, microphone, make("label", { class: "a2a-file" }, say("Your own file: ", "你自己的文件："), file));
  const status = make("p", { class: "a2a-status", role: "status" });
  const bar = make("progress", { max: 1, value: 0, "aria-label": say("Progress", "进度") });
  bar.hidden = true;
  const result = make("div", { class: "a2a-result" });
  root.replaceChildren(tasks, inputs, bar, stop, status, result);
  file.onchange = () => file.files[0] && start(() => fromFile(file.files[0]));

  const tell = (words) => (status.textContent = words);
  const busy = (on) => {
    for (const control of [demo, microphone, file, ...tasks.querySelectorAll("input")]) control.disabled = on;
    bar.hidden = stop.hidden = !on;
  };

  // --- where sound comes from ----------------------------------------------------------------------

  const decode = async (bytes, rate) => {
    const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
    const samples = new Float32Array(decoded.length); // the mean of all channels
    for (let c = 0; c < decoded.numberOfChannels; c++) {
      decoded.getChannelData(c).forEach((value, i) => (samples[i] += value / decoded.numberOfChannels));
    }
    return samples;
  };

  const fromSite = async ({ rate, clip, demo }) => {
    const bytes = await (await fetch(assets + clip)).arrayBuffer();
    return [demo, await decode(bytes, rate)];
  };

  const fromFile = async (chosen) => {
    const { rate } = TASKS[state.kind];
    try {
      return [chosen.name, await decode(await chosen.arrayBuffer(), rate)];
    } catch {
      throw new Error(say(`the browser can't read ${chosen.name} as sound: convert it to WAV or MP3`, `浏览器无法把 ${chosen.name} 读成声音：请先转换成 WAV 或 MP3`));
    } finally {
      file.value = "";
    }
  };

  const fromMicrophone = async ({ rate }) => {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const recorder = new MediaRecorder(stream);
    const pieces = [];
    recorder.ondataavailable = (event) => pieces.push(event.data);
    const ended = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    state.recorder = recorder;
    for (let left = RECORDED; left > 0 && recorder.state === "recording"; left--) {
      tell(say(`Recording: ${left} s left. Stop ends it sooner.`, `正在录音：还有 ${left} 秒，按“停止”可提前结束。`));
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
    if (recorder.state === "recording") recorder.stop();
    await ended;
    state.recorder = null;
    for (const track of stream.getTracks()) track.stop();
    return [say("Your microphone", "你的麦克风"), await decode(await new Blob(pieces).arrayBuffer(), rate)];
  };

  // --- the work -------------------------------------------------------------------------------------

  const start = async (source) => {
    const { kind } = state;
    const task = TASKS[kind];
    busy(true);
    bar.removeAttribute("value");
    state.tracks = state.seconds = null;
    try {
      const [name, samples] = await source(task);
      if (samples.length < task.rate / 10) throw new Error(say("this recording is shorter than 0.1 s", "这段录音不到 0.1 秒"));
      if (samples.length > LONGEST * task.rate) throw new Error(say("this recording is longer than 10 minutes: use the notebooks for it", "这段录音超过 10 分钟：请在 notebook 里处理"));
      tell(say("Loading the model, the first time some 25 MB …", "正在加载模型，第一次约 25 MB……"));
      const tracks = await work(kind, samples, task.rate);
      show(task, name, samples, tracks);
    } catch (problem) {
      tell(problem.stopped ? say("Stopped.", "已停止。") : say(`That did not work: ${problem.message}`, `没有成功：${problem.message}`));
    }
    busy(false);
  };

  const work = (kind, samples, rate) =>
    new Promise((resolve, reject) => {
      state.worker ??= new Worker(new URL("live-worker.js", state.script), { type: "module" });
      state.abandon = () => {
        state.worker.terminate();
        state.worker = null;
        reject(Object.assign(new Error("stopped"), { stopped: true }));
      };
      state.worker.onerror = () => reject(new Error(say("this browser could not start the worker", "浏览器无法启动后台程序")));
      state.worker.onmessage = ({ data }) => {
        if (data.problem) return reject(new Error(data.problem));
        if (data.tracks) {
          state.seconds = data.seconds;
          return resolve(data.tracks);
        }
        bar.value = data.progress;
        tell(say("Working, on this computer …", "正在本机计算……"));
      };
      state.worker.postMessage({ kind, samples, rate, assets });
    });

  const halt = () => {
    if (state.recorder?.state === "recording") state.recorder.stop();
    else state.abandon?.();
  };

  const show = (task, name, samples, tracks) => {
    state.tracks = tracks;
    const seconds = samples.length / task.rate;
    const clips = [samples, ...tracks].map((row, i) => {
      const buffer = new AudioBuffer({ length: row.length, sampleRate: task.rate, numberOfChannels: 1 });
      buffer.copyToChannel(row, 0);
      const facts = `${seconds.toFixed(2)} s · ${task.rate} Hz`;
      return { name: i ? task.tracks[i - 1] : name, facts, rate: task.rate, load: async () => buffer };
    });
    const host = make("div");
    result.replaceChildren(host);
    state.player = new a2a.Player(clips, host);
    state.player.ready();
    const links = clips.slice(1).map((clip, i) => {
      const url = URL.createObjectURL(wave(tracks[i], task.rate));
      return make("a", { href: url, download: `${clip.name}.wav` }, say(`Save “${clip.name}”`, `保存“${clip.name}”`));
    });
    result.append(make("p", { class: "a2a-links" }, ...links));
    const speed = (state.seconds / seconds).toFixed(1);
    tell(say(`Done in ${state.seconds.toFixed(1)} s, ${speed} times the length of the recording.`, `用时 ${state.seconds.toFixed(1)} 秒，是录音长度的 ${speed} 倍。`));
  };

  // A WAV file of 16 bits.
  const wave = (samples, rate) => {
    const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
    const text = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
    text(0, "RIFF");
    view.setUint32(4, 36 + 2 * samples.length, true);
    text(8, "WAVEfmt ");
    [[16, 16], [24, rate], [28, 2 * rate], [40, 2 * samples.length]].forEach(([at, value]) => view.setUint32(at, value, true));
    [[20, 1], [22, 1], [32, 2], [34, 16]].forEach(([at, value]) => view.setUint16(at, value, true));
    text(36, "data");
    samples.forEach((value, i) => view.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, value))), true));
    return new Blob([view], { type: "audio/wav" });
  };

  state.script = script;
  if (local) {
    busy(true);
    bar.hidden = stop.hidden = true;
    tell(say("This page works over http: python run.py book --serve shows the site that way.", "本页需要通过 http 打开：python run.py book --serve 会这样显示网站。"));
  } else if (!navigator.mediaDevices) {
    microphone.disabled = true;
  }
})();
