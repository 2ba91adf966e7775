"""Unusual programs that are honest: they must be scored, and scored right.

Each trains for a fixed number of steps, so that two runs of it make the same model.
"""

from tests.attacks.laboratory import BASE, own, program


def steps(source: str, count: int = 25) -> str:
    """The program with its clock replaced by a count of steps."""
    assert "while spent < TIME_BUDGET:" in source
    return source.replace("while spent < TIME_BUDGET:", f"while step < {count}:")


def layers(init: str, forward: str) -> str:
    """The base program with a model of these parts; `forward` maps e (B, T, 32) and x to logits."""
    init = "\n".join("        " + line for line in init.strip("\n").split("\n"))
    forward = "\n".join("        " + line for line in forward.strip("\n").split("\n"))
    return own(
        f"""
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(V, 32)
        self.head = nn.Linear(32, V)
{init}

    def forward(self, x, y=None):
        e = self.table(x)
        B, T, C = e.shape
{forward}
        return logits if y is None else F.cross_entropy(logits.flatten(0, 1), y.flatten())
"""
    )


HONEST: dict[str, str] = {
    "a plain model": BASE,
    "its own autograd function": program(
        model="""
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a.clamp_min(0) ** 2
    @staticmethod
    def backward(ctx, grad):
        (a,) = ctx.saved_tensors
        return 2 * a.clamp_min(0) * grad
Model.forward = lambda self, x, y=None: (
    self.head(Square.apply(self.table(x))) if y is None
    else F.cross_entropy(self.head(Square.apply(self.table(x))).flatten(0, 1), y.flatten())
)
"""
    ),
    "a mixture of experts": layers(
        """
self.gate = nn.Linear(32, 4)
self.experts = nn.ModuleList(nn.Linear(32, 32) for _ in range(4))
""",
        """
weight, chosen = self.gate(e).softmax(-1).max(-1)
out = torch.zeros_like(e)
for i, expert in enumerate(self.experts):
    here = chosen == i
    out[here] = expert(e[here]) * weight[here][:, None]
logits = self.head(e + out)
""",
    ),
    "a recurrent network": layers(
        "self.rnn = nn.GRU(32, 32, batch_first=True)", "logits = self.head(self.rnn(e)[0])"
    ),
    "a causal convolution": layers(
        "self.conv = nn.Conv1d(32, 32, 4)",
        "logits = self.head(self.conv(F.pad(e.mT, (3, 0))).mT)",
    ),
    "masked attention": layers(
        "self.qkv = nn.Linear(32, 96)",
        """
q, k, v = self.qkv(e)[:, None].chunk(3, -1)
logits = self.head(e + F.scaled_dot_product_attention(q, k, v, is_causal=True)[:, 0])
""",
    ),
    "a running mean of the past": layers(
        "",
        "past = e.cumsum(1) / torch.arange(1, T + 1)[:, None]\nlogits = self.head(e + past)",
    ),
    "a causal convolution in the frequency domain": layers(
        "self.kernel = nn.Parameter(torch.randn(16, 32) * 0.1)",
        """
size = T + 16
mixed = torch.fft.irfft(torch.fft.rfft(e, size, 1) * torch.fft.rfft(self.kernel, size, 0), size, 1)
logits = self.head(e + mixed[:, :T])
""",
    ),
    "tied embeddings": layers("", "logits = e @ self.table.weight.T"),
    "a softcap": layers("", "logits = 15 * torch.tanh(self.head(e) / 15)"),
    "a mixture of softmaxes": layers(
        "self.other = nn.Linear(32, V)",
        """
both = torch.stack((self.head(e).log_softmax(-1), self.other(e).log_softmax(-1)))
logits = both.logsumexp(0)
""",
    ),
    "dropout in training only": layers("", "logits = self.head(F.dropout(e, 0.2, self.training))"),
    "answers that are log-probabilities": layers("", "logits = self.head(e).log_softmax(-1)"),
    "answers far from zero": layers("", "logits = self.head(e) + 50"),
    "answers in double precision": layers("", "logits = self.head(e).double()"),
    "answers in bfloat16": layers("", "logits = self.head(e).bfloat16()"),
    "answers that are not contiguous": layers(
        "", "logits = (self.head.weight @ e.mT).mT + self.head.bias"
    ),
    "averaged weights": program(
        before="average = {k: v.detach().clone() for k, v in model.named_parameters()}",
        inside="""
for k, v in model.named_parameters():
    average[k].lerp_(v.detach(), 0.1)
""",
        after="""
with torch.no_grad():
    for k, v in model.named_parameters():
        v.copy_(average[k])
""",
    ),
    "its own optimizer": program(
        before="""
class Plain:
    def step(self):
        for p in model.parameters():
            p.data -= 3.0 * p.grad
    def zero_grad(self):
        for p in model.parameters():
            p.grad = None
optimizer = Plain()
"""
    ),
    "small batches in training, odd ones when examined": program(
        before='loader = make_dataloader(tokenizer, 3, MAX_SEQ_LEN, "train")',
        exam="""
class Whole:
    def __call__(self, x):
        return model(x)
evaluate = evaluate_bpb
def evaluate_bpb(m, t, _):
    return evaluate(Whole(), t, 7)
""",
    ),
    "one batch of everything": program(
        exam="evaluate = evaluate_bpb\nevaluate_bpb = lambda m, t, _: evaluate(m, t, 100_000)"
    ),
    "accumulated gradients": program(
        inside="""
for _ in range(2):
    x, y, _ = next(loader)
    model(x, y).backward()
"""
    ),
    "short rows first, long ones later": program(
        before="""
long = loader
short = make_dataloader(tokenizer, 32, 16, "train")
loader = (next(short) if step < 12 else next(long) for _ in iter(int, 1))
"""
    ),
    "counts instead of gradients": program(
        after="""
counts = torch.full((V, V), 0.05)
for _ in range(20):
    x, y, _ = next(loader)
    counts.index_put_((x.flatten(), y.flatten()), torch.ones(x.numel()), accumulate=True)
table = (counts / counts.sum(1, keepdim=True)).log()
""",
        exam="""
class Counted:
    def __call__(self, x):
        return table[x]
model = Counted()
""",
    ),
    "features of the text of tokens": program(
        model="""
first = torch.tensor([(tokenizer.decode([t]) or " ").encode()[0] for t in range(V)])
class Bytes(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(256, 32)
        self.head = nn.Linear(32, V)
    def forward(self, x, y=None):
        logits = self.head(self.table(first[x]))
        return logits if y is None else F.cross_entropy(logits.flatten(0, 1), y.flatten())
model = Bytes()
"""
    ),
    "batches prefetched by a thread": program(
        before="""
import queue, threading
ready = queue.Queue(2)
source = loader
def fetch():
    for batch in source:
        ready.put(batch)
threading.Thread(target=fetch, daemon=True).start()
loader = iter(ready.get, None)
"""
    ),
}
