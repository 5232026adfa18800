"use strict";
// Finds the sounds of a lesson and turns those of each cell into one player.
(() => {
  const { say, players } = a2a;

  // "noisy · 4.70 s · 16000 Hz · -25.0 dB", as helpers.audio.listen labels a clip
  const described = (audio) => {
    const [name, ...facts] = (audio.getAttribute("aria-label") || say("sound", "声音")).split(" · ");
    const address = audio.src || audio.querySelector("source").src;
    const stated = /(\d+) Hz/.exec(facts.join(" "))?.[1] ?? waveRate(address) ?? 16000;
    const rate = Number(stated);
    const stored = rate <= 16000 ? 16000 : 24000; // see helpers.audio
    const load = () => new OfflineAudioContext(1, 1, stored).decodeAudioData(a2a.bytes(address));
    return { name, facts: facts.join(" · "), rate, load };
  };

  // A player of IPython's own holds a WAV file, whose header tells the rate.
  const waveRate = (address) =>
    address.startsWith("data:audio/wav") ? new DataView(a2a.bytes(address)).getUint32(24, true) : undefined;

  const nearby = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      nearby.unobserve(entry.target);
      players.find((player) => player.root === entry.target)?.ready();
    }
  }, { rootMargin: "400px" });

  for (const cell of document.querySelectorAll(".cell_output")) {
    const audios = [...cell.querySelectorAll("audio")];
    if (!audios.length) continue;
    const host = document.createElement("div");
    (audios[0].closest("figure") ?? audios[0]).before(host);
    const clips = audios.map(described);
    for (const audio of audios) (audio.closest("figure") ?? audio).remove();
    nearby.observe(new a2a.Player(clips, host).root);
  }
  window.addEventListener("beforeprint", () => players.forEach((player) => player.ready()));
})();
