"use strict";
// The players of a lesson: the clips of one cell become one player. All of them run at once, in
// step to the sample, and all but one are mute; so a switch from A to B leaves no gap.
(() => {
  const { say } = a2a;
  const FADE = 0.008; // seconds; too short to hear, long enough not to click
  const players = (a2a.players = []);
  let speaker = null; // the one AudioContext of the page, made at the first click

  // Sounds arrive as data: addresses, so nothing is fetched.
  a2a.bytes = (address) => {
    const text = atob(address.slice(address.indexOf(",") + 1));
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer;
  };

  a2a.Player = class Player {
    constructor(clips, host) {
      this.clips = clips; // {name, facts, rate, load: () => Promise<AudioBuffer>} each
      this.active = 0;
      this.offset = 0; // where it stands while it is silent, in seconds
      this.sources = null;
      this.context = null;
      this.build(host);
      players.push(this);
    }

    ready() {
      this.loading ??= Promise.all(this.clips.map((clip) => clip.load())).then((buffers) => {
        this.buffers = buffers;
        this.duration = Math.max(...buffers.map((buffer) => buffer.duration));
        this.seek.max = this.duration;
        this.root.dataset.duration = this.duration;
        this.show();
        this.draw();
      });
      return this.loading;
    }

    draw() {
      const peak = Math.max(...this.buffers.map((buffer) => a2a.peak(buffer.getChannelData(0))));
      const top = Math.max(...this.clips.map((clip) => clip.rate / 2));
      let scale = { peak, top };
      this.buffers.forEach((buffer, i) => {
        const canvas = this.pictures[i].firstChild;
        const share = buffer.duration / this.duration;
        this.pictures[i].style.setProperty("--share", share);
        canvas.width = Math.max(80, Math.round(Math.min(600, canvas.clientWidth || 600)));
        canvas.height = 110;
        const loudest = a2a.draw(canvas, buffer.getChannelData(0), buffer.sampleRate, scale);
        scale = { ...scale, loudest: scale.loudest ?? loudest };
      });
    }

    get playing() {
      return this.sources !== null;
    }

    get position() {
      if (!this.playing) return this.offset;
      return Math.max(0, this.context.currentTime - this.began);
    }

    async play() {
      await this.ready();
      for (const other of players) if (other !== this && other.playing) other.pause();
      this.context ??= speaker ??= new AudioContext();
      if (this.context.state === "suspended" && this.context === speaker) await speaker.resume();
      this.start();
    }

    start() {
      const context = this.context;
      if (this.offset >= this.buffers[this.active].duration - 0.01) this.offset = 0;
      const at = context.currentTime + (context === speaker ? 0.02 : 0);
      this.began = at - this.offset;
      this.gains = this.buffers.map((_, i) => {
        const gain = context.createGain();
        gain.gain.value = i === this.active ? 1 : 0;
        gain.connect(context.destination);
        return gain;
      });
      this.sources = this.buffers.map((buffer, i) => {
        const source = context.createBufferSource();
        source.buffer = buffer;
        source.connect(this.gains[i]);
        source.start(at, this.offset);
        return source;
      });
      this.show();
      if (context === speaker) requestAnimationFrame(() => this.follow());
    }

    pause() {
      if (!this.playing) return;
      this.offset = Math.min(this.position, this.duration);
      for (const source of this.sources) source.stop();
      for (const gain of this.gains) gain.disconnect();
      this.sources = null;
      this.show();
    }

    toggle() {
      return this.playing ? this.pause() : this.play();
    }

    // Hear another clip from here on; the others go on in silence.
    select(i) {
      if (i < 0 || i >= this.clips.length) return;
      const before = this.active;
      this.active = i;
      if (this.playing && before !== i) {
        const now = this.context.currentTime;
        for (const [which, from, to] of [[before, 1, 0], [i, 0, 1]]) {
          const { gain } = this.gains[which];
          gain.cancelScheduledValues(now);
          gain.setValueAtTime(from, now);
          gain.linearRampToValueAtTime(to, now + FADE);
        }
      }
      this.show();
    }

    move(seconds) {
      const playing = this.playing;
      if (playing) this.pause();
      this.offset = Math.min(Math.max(0, seconds), this.duration ?? 0);
      if (playing) this.start();
      this.show();
    }

    follow() {
      if (!this.playing) return;
      if (this.position >= this.buffers[this.active].duration) {
        this.pause();
        this.offset = 0;
      }
      this.show();
      requestAnimationFrame(() => this.follow());
    }

    // --- what is seen -------------------------------------------------------------------------

    build(host) {
      const make = (tag, name, attributes = {}, text = "") => {
        const element = document.createElement(tag);
        element.className = name;
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        element.textContent = text;
        return element;
      };
      const names = this.clips.map((clip) => clip.name).join(say(", ", "、"));
      this.root = make("div", "a2a-player", { role: "group", "aria-label": say(`Player: ${names}`, `播放器：${names}`) });
      const bar = make("div", "a2a-bar");
      this.button = make("button", "a2a-play", { type: "button" });
      this.button.onclick = () => this.toggle();
      this.seek = make("input", "a2a-seek", { type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": say("Position", "播放位置") });
      this.seek.oninput = () => this.move(Number(this.seek.value));
      this.time = make("span", "a2a-time");
      bar.append(this.button, this.seek, this.time);
      this.root.append(bar);
      this.pictures = [];
      this.labels = this.clips.map((clip, i) => {
        const row = make("div", "a2a-clip");
        const label = make("button", "a2a-name", { type: "button", "aria-pressed": "false" });
        if (this.clips.length > 1) label.append(make("span", "a2a-key", { "aria-hidden": "true" }, String(i + 1)));
        label.append(make("strong", "", {}, clip.name), make("span", "a2a-facts", {}, clip.facts));
        label.onclick = () => this.choose(i);
        const picture = make("div", "a2a-picture");
        picture.append(make("canvas", "", { "aria-hidden": "true" }), make("i", "a2a-cursor"));
        picture.onclick = (event) => this.point(event, i);
        this.pictures.push(picture);
        row.append(label, picture);
        this.root.append(row);
        return label;
      });
      const several = this.clips.length > 1;
      const keys = several
        ? say("Keys: space plays, ← → move, ↑ ↓ or 1–9 switch", "按键：空格播放，← → 移动，↑ ↓ 或 1–9 切换")
        : say("Keys: space plays, ← → move", "按键：空格播放，← → 移动");
      this.status = make("p", "a2a-status", { role: "status" });
      this.root.append(this.status, make("p", "a2a-keys", {}, keys));
      this.root.onkeydown = (event) => this.key(event);
      host.replaceWith(this.root);
      this.show();
    }

    async choose(i) {
      const same = i === this.active;
      this.select(i);
      if (!this.playing) await this.play();
      else if (same) this.pause();
    }

    async point(event, i) {
      const box = this.pictures[i].firstChild.getBoundingClientRect();
      await this.ready();
      this.select(i);
      this.move(((event.clientX - box.left) / box.width) * this.buffers[i].duration);
      this.labels[i].focus({ preventScroll: true });
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const n = this.clips.length;
      const digit = /^[1-9]$/.test(event.key) && Number(event.key) <= n;
      const act = {
        " ": () => this.toggle(),
        ArrowLeft: () => this.move(this.position - 1),
        ArrowRight: () => this.move(this.position + 1),
        ArrowUp: () => this.select((this.active + n - 1) % n),
        ArrowDown: () => this.select((this.active + 1) % n),
        Home: () => this.move(0),
      }[event.key];
      if (!act && !digit) return;
      event.preventDefault();
      if (digit) this.select(Number(event.key) - 1);
      else act();
    }

    show() {
      const { position, active } = this;
      const total = this.duration ?? 0;
      this.button.textContent = this.playing ? "❚❚" : "▶";
      this.button.setAttribute("aria-label", this.playing ? say("Pause", "暂停") : say("Play", "播放"));
      this.time.textContent = `${position.toFixed(1)} / ${total.toFixed(1)} s`;
      this.seek.value = position;
      this.seek.setAttribute("aria-valuetext", say(`${position.toFixed(1)} of ${total.toFixed(1)} seconds`, `${position.toFixed(1)} 秒，共 ${total.toFixed(1)} 秒`));
      this.labels.forEach((label, i) => label.setAttribute("aria-pressed", String(i === active)));
      this.pictures.forEach((picture, i) => {
        const share = Math.min(1, position / (this.buffers?.[i].duration ?? 1));
        picture.lastChild.style.insetInlineStart = `calc(${100 * share}% * var(--share, 1))`;
      });
      const { name } = this.clips[active];
      const caption = this.playing ? say(`You hear: ${name}`, `正在播放：${name}`) : "";
      if (this.status.textContent !== caption) this.status.textContent = caption;
    }
  };
})();
