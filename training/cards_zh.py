"""The Chinese model cards' measured parts, out of the English ones: `python -m training.cards_zh`.

`training.cards` measures and writes both. Figures, tables and checksums are taken over as they
stand; only the words around them change, and words that are not known here are an error.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"(?s)<!-- measured -->\n(.*)<!-- /measured -->")
PARAGRAPHS = {
    "## Size and cost": "## 大小与计算量",
    "## What it does, measured": "## 实测效果",
    "## How it was trained": "## 怎样训练的",
    "## Files": "## 文件",
    r"(`.+?`) \(with (`.+?`) where the table speaks of (\d+) clips\) makes this table again: the "
    "seeds are fixed, and no recording in it was trained on.": r"\1（表中注明 \3 段的，加上 \2）"
    "可以重做这张表：随机种子是固定的，表中的录音都没有参加过训练。",
    r"(`.+?`) makes this table again: the seeds are fixed, and neither the people nor the recorded "
    r"noises in it were trained on\. Mean and 95 % interval; a dash stands where a model has no "
    r"such track\. The noise track of the two-speaker model is what its two tracks leave "
    r"over\.": r"\1 可以重做这张表：随机种子是固定的，表中的人和录制的噪声都没有参加过训练。"
    "数字是平均值与 95 % 置信区间；模型没有这样的音轨时为横线。双人模型的噪声音轨，"
    "是它的两条音轨剩下的部分。",
    r"Away from home: noises that were recorded, of packages that no training heard; of birds, "
    r"engines, fires and rain, four of the fourteen kinds, it heard other recordings\. "
    r"Mean and 95 % interval; (`.+?`) makes this table again\.": r"离开熟悉的环境：录制的噪声，"
    r"所属的软件包都没有参加过训练；十四种里有四种（鸟、引擎、火和雨），训练时听过别的录音。"
    r"数字是平均值与 95 % 置信区间；\1 可以重做这张表。",
    r"([\d,]+) parameters\. (\d+) simulated calls of (\d+) s, sentences, rooms and loudspeakers "
    r"that were not trained on; dB are counted from what the filter leaves\. (`.+?`) makes this "
    r"table again\.": r"\1 个参数。\2 次模拟通话，每次 \3 s，语句、房间和扬声器都没有参加过训练；"
    r"分贝数从滤波器留下的部分算起。\4 可以重做这张表。",
    r"Trained for ([\d,]+) steps, (\d+) minutes on one busy processor core, after some two minutes "
    r"in which the calls were simulated\.": r"训练了 \1 步，在一个忙碌的处理器核心上用了 \2 分钟，"
    r"此前先花约两分钟模拟这些通话。",
    r"([\d,]+) steps of (\d+) s of audio, ([\d.]+) core-hours; the averaged "
    r"weights that did best in validation were kept.": r"\1 步，每步 \2 s 音频，合计 "
    r"\3 个核心小时；保留的是验证成绩最好的平均权重。",
    r"([\d,]+) steps of (\d+) s of audio, ([\d.]+) core-hours; the averaged "
    r"weights of the last step \(([\d.]+) dB from the best validation\) were kept\.": r"\1 步，"
    r"每步 \2 s 音频，合计 \3 个核心小时；保留的是最后一步的平均权重"
    r"（与最好的验证成绩相差 \4 dB）。",
    r"In ONNX Runtime, on one core \((.+)\), half of the hops of 10 ms take under ([\d.]+) ms, "
    r"95 % under ([\d.]+) ms and 99 % under ([\d.]+) ms; (\d+) of (\d+) came too late\. (`.+?`) "
    r"measures it\.": r"在 ONNX Runtime 里、一个核心上（\1），每帧移 10 ms 的计算有一半用时不到 "
    r"\2 ms，95% 不到 \3 ms，99% 不到 \4 ms；有 \5 次来不及（共 \6 次）。用 \7 测量。",
    r"(`.+?`) makes this table again: the seeds are fixed, and no recording in it was trained on\. "
    r"RNNoise, NSNet2 and DeepFilterNet3 are made for calls, too; noisereduce and FRCRN mini need "
    r"the whole recording\.": r"\1 可以重做这张表：随机种子是固定的，表中的录音都没有参加过训练。"
    "RNNoise、NSNet2 和 DeepFilterNet3 也是为通话做的；noisereduce 和 FRCRN mini 要听完整段录音。",
    r"What it costs to know no future: the gain of FRCRN mini, which hears the whole recording, "
    r"less that of this model, clip by clip, with 95 % intervals\. The two were not trained "
    r"equally long\.": "不知道未来的代价：能听到整段录音的 FRCRN mini 的改善，逐段减去本模型的"
    "改善，附 95% 置信区间。两者训练的时间并不一样长。",
    r"([\d,]+) steps of (\d+) s of audio, ([\d.]+) hours on one core of a busy machine; the "
    r"averaged weights that did best in validation were kept\.": r"\1 步，每步 \2 s 音频，在一台"
    r"繁忙机器的一个核心上训练了 \3 小时；保留的是验证成绩最好的平均权重。",
    r"!\[The learning curve: .+\]\((.+)\)": r"![学习曲线：验证成绩随训练步数上升](\1)",
}
CELLS = {
    "this model": "本模型",
    "the published one": "已发布的模型",
    r"trainable parameters \(M\)": "可训练参数（百万）",
    r"MACs for a second of audio \(G\)": "处理一秒音频的乘加次数（十亿）",
    "test": "测试",
    "items": "段数",
    "conversation": "本模型",
    "two speakers": "双人模型",
    r"two voices, SI-SDRi \(dB\)": "两个人声，SI-SDRi（dB）",
    "– two women": "– 两位女声",
    "– two men": "– 两位男声",
    "– a woman and a man": "– 一女一男",
    r"two voices, a recorded noise at 7 to 10 dB, SI-SDRi \(dB\)": "两个人声，另有"
    " 7 到 10 dB 的录制噪声，SI-SDRi（dB）",
    r"one voice alone, SI-SDR \(dB\)": "只有一个人声，SI-SDR（dB）",
    r"one voice alone, the loudest other track against it \(dB\)": "只有一个人声，"
    "其余音轨中最响的与它相比（dB）",
    r"three voices, SI-SDRi \(dB\)": "三个人声，SI-SDRi（dB）",
    r"noise track at 5 dB SNR, SI-SDR \(dB\)": "5 dB 信噪比时的噪声音轨，SI-SDR（dB）",
    r"people counted right \(0 to 3\)": "人数数对（0 到 3 人）",
    r"(– \d|\d+ %|–)": r"\1",
    "voices": "说话人",
    "mixtures": "混合语音（段）",
    r"mean SI-SDRi \(dB\)": "平均 SI-SDRi（dB）",
    "median": "中位数",
    "worst": "最差",
    "known": "训练过的",
    "unseen": "没训练过的",
    r"system \((\d+) clips a SNR\)": r"系统（每个信噪比 \1 段）",
    "system": "系统",
    "input": "输入",
    r"STOI change at (.+) dB": r"\1 dB 时 STOI 的变化",
    r"DNSMOS at (.+) dB": r"\1 dB 时的 DNSMOS",
    "file": "文件",
    "SNR": "信噪比",
    "clips": "片段数",
    r"FRCRN mini is better by \(dB\)": "FRCRN mini 高出（dB）",
    "all": "全部",
    "the filter alone": "只用滤波器",
    "with the ratio mask": "加比值掩蔽",
    "with this network": "加本网络",
    r"echo gone, one talks \(dB\)": "消除的回声，一方说话（dB）",
    r"SI-SDR, both talk \(dB\)": "SI-SDR，双方说话（dB）",
    "AECMOS echo": "AECMOS 回声分",
    "AECMOS other": "AECMOS 其他分",
    # the same in both languages: figures, file names, checksums, names of systems
    r"[-+]?[\d.]+(?: ± [\d.]+)?|[-+]?\d+ dB|`\S+`|[-:]*|SHA-256": r"\g<0>",
    "FRCRN mini|FRCRN live|noisereduce|RNNoise|NSNet2|DeepFilterNet3": r"\g<0>",
    r"([\w ]+), SI-SDR gain \(dB\)": r"\1，SI-SDR 改善（dB）",
    "([\\w ]+), STOI change": r"\1，STOI 的变化",
}


def say(text, table):
    """The Chinese of a table's cell or of a paragraph."""
    for english, chinese in table.items():
        hit = re.fullmatch(english, text)
        if hit:
            return hit.expand(chinese)
    raise ValueError(f"training/cards_zh.py has no Chinese for {text!r}: add it there")


def chinese(lines):
    """The Chinese of a card's measured lines; a paragraph becomes one line."""
    found, paragraph = [], []
    for line in [*lines, ""]:
        if line and not line.startswith("|"):
            paragraph.append(line)
            continue
        if paragraph:
            found.append(say(" ".join(paragraph), PARAGRAPHS))
            paragraph = []
        cells = [say(cell.strip(), CELLS) for cell in line.split("|")[1:-1]]
        rule = set(line) <= set("|-:")  # the empty line, or the one under a table's head
        found.append(line if rule else f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return found[:-1]


def block(text):
    """What stands between a card's markers."""
    return BLOCK.search(text)[1]


def page(folder):
    """A Chinese card with the measured part of its English neighbor."""
    english = (folder / "README.md").read_text(encoding="utf-8")
    text = (folder / "README.zh-CN.md").read_text(encoding="utf-8")
    body = "\n".join(chinese(block(english).split("\n")))
    return BLOCK.sub(lambda _: f"<!-- measured -->\n{body}<!-- /measured -->", text)


def fill(folder):
    """Put the measured part into a model's Chinese card, where it has one."""
    card = folder / "README.zh-CN.md"
    if card.exists():
        card.write_text(page(folder), encoding="utf-8", newline="\n")


def main():
    """Fill every Chinese card."""
    for card in sorted((ROOT / "models").glob("*/README.md")):
        fill(card.parent)


if __name__ == "__main__":
    main()
