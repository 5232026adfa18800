"use strict";
// Lesson 04's listening test, in the page: helpers.widgets.BlindTest with buttons that work
// without a kernel. The answers stay in this browser.
(() => {
  const { say } = a2a;
  const NEITHER = "neither";
  const FIELDS = ["session", "seed", "trial", "first", "second", "preferred"]; // as in Python

  // One point for each pair won, a half for no difference; the best first.
  const ranking = (answers) => {
    const points = {};
    for (const { first, second, preferred } of answers) {
      for (const name of [first, second]) {
        points[name] = (points[name] ?? 0) + (preferred === NEITHER ? 0.5 : Number(preferred === name));
      }
    }
    return points;
  };

  const order = (values) => {
    const names = Object.keys(values).sort((a, b) => values[b] - values[a] || (a < b ? -1 : 1));
    return names.map((name, i) => (i ? (values[name] === values[names[i - 1]] ? " = " : " > ") : "") + name).join("");
  };

  // Pairs on which a metric agrees with the ear, differs from it, and can't tell.
  const compare = (points, values) => {
    const counts = [0, 0, 0];
    const names = Object.keys(points);
    names.forEach((a, i) => names.slice(i + 1).forEach((b) => {
      const ear = points[a] - points[b];
      if (ear) counts[{ 1: 0, "-1": 1, 0: 2 }[Math.sign(ear * (values[a] - values[b]))]]++;
    }));
    return counts;
  };

  class Test {
    constructor(root, data) {
      Object.assign(this, { root, data, key: `a2a-blind-${location.pathname.split("/").pop()}` });
      this.rounds = this.stored();
      if (this.round && this.round.answers.length === data.trials.length) this.end();
      else if (this.round) this.ask();
      else this.begin();
    }

    get round() {
      return this.rounds.at(-1);
    }

    stored() {
      try {
        return JSON.parse(localStorage.getItem(this.key)) ?? [];
      } catch {
        return []; // a browser that keeps nothing
      }
    }

    keep() {
      try {
        localStorage.setItem(this.key, JSON.stringify(this.rounds));
      } catch {
        // then the answers last as long as the page
      }
    }

    button(words, act) {
      const made = document.createElement("button");
      Object.assign(made, { type: "button", className: "a2a-button", textContent: words, onclick: act });
      return made;
    }

    put(...children) {
      this.player?.pause();
      this.root.replaceChildren(...children);
    }

    row(...buttons) {
      const row = document.createElement("p");
      row.className = "a2a-row";
      row.append(...buttons);
      return row;
    }

    text(words, tag = "p") {
      const made = document.createElement(tag);
      made.textContent = words;
      return made;
    }

    begin() {
      const n = this.data.trials.length;
      const words = say(
        `The listening test works on this page: ${n} pairs, some three minutes. Your answers stay in this browser.`,
        `本页可以直接做盲听测试：共 ${n} 对，大约三分钟。你的回答只保存在这个浏览器里。`,
      );
      this.put(this.text(words), this.row(this.button(say("Begin", "开始"), () => this.again())));
    }

    again() {
      this.rounds.push({ session: new Date().toISOString().slice(0, 19) + "+00:00", answers: [] });
      this.keep();
      this.ask();
    }

    ask() {
      const { answers } = this.round;
      const { trials, sounds } = this.data;
      const pair = trials[answers.length];
      const heading = this.text(say(`Pair ${answers.length + 1} of ${trials.length}. Which would you rather go on listening to?`, `第 ${answers.length + 1} 对，共 ${trials.length} 对。如果要一直听下去，你更愿意听哪一个？`), "strong");
      heading.tabIndex = -1;
      const host = document.createElement("div");
      const choices = [["A", pair[0]], ["B", pair[1]]];
      const row = this.row(
        ...choices.map(([which, name]) => this.button(say(`${which} sounds better`, `${which} 更好听`), () => this.answer(name))),
        this.button(say("no difference", "听不出差别"), () => this.answer(NEITHER)),
      );
      this.put(heading, host, row);
      const load = (name) => () => new OfflineAudioContext(1, 1, 16000).decodeAudioData(a2a.bytes(sounds[name]));
      const clips = choices.map(([which, name]) => ({ name: which, facts: "", rate: 16000, load: load(name) }));
      this.player = new a2a.Player(clips, host);
      this.player.root.classList.add("a2a-veiled"); // a picture would give it away
      this.player.ready();
      if (answers.length) heading.focus();
    }

    answer(preferred) {
      const { session, answers } = this.round;
      const [first, second] = this.data.trials[answers.length];
      answers.push({ session, seed: this.data.seed, trial: answers.length + 1, first, second, preferred });
      this.keep();
      if (answers.length === this.data.trials.length) this.end();
      else this.ask();
    }

    end() {
      const points = ranking(this.round.answers);
      const table = document.createElement("table");
      const line = (cells, tag = "td") => {
        const row = table.insertRow();
        row.append(...cells.map((words) => this.text(String(words), tag)));
      };
      line([say("judge", "评判"), say("from best to worst", "从好到差"), say("agrees", "一致"), say("differs", "相反"), say("can't tell", "分不出")], "th");
      line([say("your ear", "你的耳朵"), order(points), "", "", ""]);
      for (const [name, values] of Object.entries(this.data.metrics)) line([name, order(values), ...compare(points, values)]);
      const wide = document.createElement("div");
      wide.className = "a2a-wide";
      wide.append(table);
      const csv = [FIELDS, ...this.rounds.flatMap(({ answers }) => answers.map((answer) => FIELDS.map((field) => answer[field])))];
      const save = document.createElement("a");
      save.href = URL.createObjectURL(new Blob([csv.map((row) => row.join(",")).join("\r\n") + "\r\n"], { type: "text/csv" }));
      save.download = "blind_test.csv";
      save.textContent = say("Save all my answers as CSV", "把全部回答存为 CSV");
      this.put(
        this.text(say("Thank you, that was the last pair. The counts are of pairs on which each metric agrees with you, differs, or sees no difference.", "谢谢，已经是最后一对了。表中是各指标与你一致、相反和分不出的对数。")),
        wide,
        this.row(this.button(say("Once more", "再做一次"), () => this.again()), this.button(say("Forget my answers", "删除我的回答"), () => this.forget()), save),
      );
    }

    forget() {
      this.rounds = [];
      this.keep();
      this.begin();
    }
  }

  for (const root of document.querySelectorAll(".a2a-blind")) {
    a2a.blind = new Test(root, JSON.parse(root.querySelector("script").textContent));
  }
})();
