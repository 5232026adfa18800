"""Training on several processes: the draws of a step are shared out, the gradients summed.

    torchrun --nproc_per_node=2 -m training.separation --minutes 30

A step learns from `draws` batches, and draw j of step k depends on (seed, k, j) alone: whoever
computes it, the sum of the gradients is the same but for the order of its terms. So two processes
with a draw each do what one does with `--draws 2`. The first process alone validates and writes.
"""

import os

import torch
import torch.distributed as dist


def size():
    """How many processes train together; torchrun says so."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank():
    """Which of them this is; 0 alone writes."""
    return int(os.environ.get("RANK", "0"))


def device(name):
    """Where this process computes: "cpu", or its own GPU of several."""
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if name == "cuda" else "cpu"


def join(place="cpu"):
    """Meet the others, if there are any: by gloo on processors, by nccl between GPUs."""
    if size() > 1 and not dist.is_initialized():
        on_gpu = torch.device(place).type == "cuda"
        if on_gpu:
            torch.cuda.set_device(place)
        dist.init_process_group("nccl" if on_gpu else "gloo")


def leave():
    """Part, at the end of the training."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def share(draws):
    """Which of a step's draws are this process's.

    Raises
    ------
    ValueError
        If there are fewer draws than processes.
    """
    if draws < size():
        raise ValueError(
            f"{draws} draws a step for {size()} processes, and some would have nothing to do: "
            f"--draws {size()}, or a multiple of it"
        )
    return range(rank(), draws, size())


def told(value, place="cpu"):
    """The first process's number, for all: clocks differ, and all must end at the same step."""
    if size() == 1:
        return value
    tensor = torch.tensor([value], dtype=torch.float64, device=place)
    dist.broadcast(tensor, 0)
    return tensor.item()


def given(make):
    """What the first process's make() returns, for all."""
    if size() == 1:
        return make()
    box = [make() if rank() == 0 else None]
    dist.broadcast_object_list(box, 0)
    return box[0]


def alike(model):
    """Begin with the first process's weights."""
    if size() > 1:
        for value in model.state_dict().values():
            dist.broadcast(value, 0)


def added(tensors):
    """Sum tensors over all processes, in place: in one message, as many small ones take longer."""
    if size() == 1 or not tensors:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))
