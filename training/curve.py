"""The learning curve as a picture, from a training log."""


def draw(rows, path, label):
    """Draw every validation figure of the log over the steps and save it as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), dpi=100, layout="constrained")
    axes = figure.subplots()
    steps = [int(row["step"]) for row in rows]
    for name in rows[-1]:
        if name not in ("step", "minutes", "loss"):
            axes.plot(steps, [float(row[name]) for row in rows], marker=".", label=name)
    axes.set(xlabel="training steps", ylabel=label)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)
