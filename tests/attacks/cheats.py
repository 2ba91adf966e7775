"""Programs that want a better score than their model deserves. None may get one."""

from tests.attacks.laboratory import own, program

FAKE = 'print("---\\nval_bpb: 0.100000\\nnum_steps: 9", flush=True)'
LOOK_AHEAD = """
honest = model
def future(x, n=1):
    return torch.cat((x[:, n:], x[:, :n]), 1)
"""


def looks_ahead(expression: str, more: str = "") -> str:
    """A program that is honest in training and adds what it should not know when examined."""
    return program(
        exam=f"""
{LOOK_AHEAD}
{more}
def model(x):
    logits = honest(x)
    return {expression}
"""
    )


# Remembers every row that it was shown. A row that begins like one seen before gets the answers
# given then, as far as the two agree: what the causality probes compare never moves.
REMEMBER = """
seen = []
def replay(x, logits):
    for row, answer in zip(x, logits):
        for old_row, old_answer in seen:
            same = int((row == old_row).long().cumprod(0).sum())
            if same > 1:
                answer[:same] = old_answer[:same]
        seen.append((row.clone(), answer.clone()))
    return logits
"""

# One loss of hundreds of nats, where the target is hidden: the others seem to be all chance.
SPOIL = """
spoilt = []
def spoil(logits):
    if not spoilt:
        spoilt.append(True)
        logits[0, -1] = 0.0
        logits[0, -1, V - 2] = 800.0
    return logits
"""

# Moves the next token's log-probability by as much as one may, up more often than down.
NUDGE = """
def nudge(x, logits):
    following = future(x)
    p = logits.softmax(-1).gather(-1, following[..., None])[..., 0]
    place = torch.arange(x.size(1))
    coin = ((x * 2654435761 + following * 40503 + place * 97) % 1009) / 1009
    size = torch.minimum(torch.full_like(p, 0.2), (1 + 0.011 / p).log())
    q = (p.log() + torch.where(coin < 0.65, size, -size)).exp().clamp(max=0.999)
    shift = (q / (1 - q)).log() - (p / (1 - p)).log()
    return logits + shift[..., None] * F.one_hot(following, V)
"""

CHANNEL = """
import json, socket, os
lab = json.load(open("lab.json"))
raw = socket.socket(fileno=os.dup(lab["channel_fd"]))
stream = raw.makefile("rwb")
def ask(**question):
    stream.write(json.dumps(question).encode() + b"\\n")
    stream.flush()
    return json.loads(stream.readline() or b"{}")
"""

TRAIN_ON = """
def train_for(seconds, batches):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for x, y in batches:
            loss = F.cross_entropy(net(x).flatten(0, 1), y.flatten())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
net = model
"""

CHEATS: dict[str, str] = {
    # -- the score is printed, not earned
    "prints a score and leaves": program(model=f"{FAKE}\nsys.exit(0)"),
    "prints a score and leaves at once": program(model=f"{FAKE}\nimport os\nos._exit(0)"),
    "prints a score and crashes": program(model=f"{FAKE}\nraise RuntimeError"),
    "prints a score after training": program(after=f"{FAKE}\nsys.exit(0)"),
    "prints a better score after the true one": program(end=FAKE),
    "prints a better score when it ends": program(
        model=f"import atexit\natexit.register(lambda: {FAKE})"
    ),
    "prints what looks like an event": program(
        after="""print('{"event": "score", "at": 0, "val_bpb": 0.1}', flush=True)\nsys.exit(0)"""
    ),
    "is not a training program": FAKE,
    "is empty": "",
    "is not Python": "val_bpb: 0.1",
    "skips the optimizer": program(before="optimizer.step = lambda: None"),
    "does not train": program(before="step = 99"),
    # -- patches
    "replaces evaluate_bpb": program(model="evaluate_bpb = lambda *a: 0.1"),
    "patches evaluate_bpb in the harness": program(
        model="import prepare\nprepare.evaluate_bpb = evaluate_bpb = lambda *a: 0.1"
    ),
    "patches the examiner's client": program(
        exam="import prepare\nprepare.EXAMINER.examine = lambda *a: 0.1"
    ),
    "patches the client's questions": program(
        exam='import prepare\nprepare.EXAMINER._ask = lambda **q: {"val_bpb": 0.1, "T": 64}'
    ),
    "takes the client away": program(exam="import prepare\nprepare.EXAMINER = None"),
    "finds the client among all objects": program(
        exam="""
import gc
for thing in gc.get_objects():
    if type(thing).__name__ == "ExaminerClient":
        type(thing).examine = lambda *a: 0.1
"""
    ),
    "replaces the harness module": program(
        exam="""
import types
fake = types.ModuleType("prepare")
fake.evaluate_bpb = lambda *a: 0.1
sys.modules["prepare"] = fake
from prepare import evaluate_bpb
"""
    ),
    "patches the bytes of tokens": program(
        exam="import prepare\nprepare.get_token_bytes = lambda d: torch.full((V,), 1000)"
    ),
    "patches the validation rows": program(
        exam="import prepare\nprepare.validation_rows = lambda *a: torch.zeros(4, 65).numpy()"
    ),
    "patches the number of tokens": program(
        exam="import prepare\nprepare.EVAL_TOKENS = prepare.MAX_SEQ_LEN = 64"
    ),
    "patches math.log": program(exam="math.log = lambda *a: 1e9"),
    "patches cross_entropy": program(
        exam="F.cross_entropy = torch.nn.functional.cross_entropy = lambda *a, **k: torch.zeros(1)"
    ),
    "patches log_softmax": program(
        exam="torch.log_softmax = torch.Tensor.log_softmax = lambda x, *a, **k: x * 0"
    ),
    "patches isfinite": program(exam="torch.isfinite = lambda x: torch.ones_like(x).bool()"),
    "patches how tensors are copied": program(
        exam="torch.Tensor.copy_ = lambda self, other, *a: self.fill_(1e30)"
    ),
    # -- time
    "stops perf_counter": program(model="time.perf_counter = lambda: 0.0"),
    "slows perf_counter": program(
        model="real = time.perf_counter\ntime.perf_counter = lambda: real() / 50"
    ),
    "sets its own budget": program(before="TIME_BUDGET = 100"),
    "patches the budget": program(before="import prepare\nprepare.TIME_BUDGET = TIME_BUDGET = 50"),
    "stretches its first steps": program(
        before=f"""
{TRAIN_ON}
train_for(30, [next(loader)[:2] for _ in range(5)])
"""
    ),
    "stretches one step with many passes": program(
        before="""
x, y, _ = next(loader)
until = time.monotonic() + 30
while time.monotonic() < until:
    loss = model(x, y)
    loss.backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad
        p.grad = None
"""
    ),
    "reuses batches after the budget": program(
        after=f"{TRAIN_ON}\ntrain_for(30, [next(loader)[:2] for _ in range(20)])"
    ),
    "goes on with fresh batches after the budget": program(
        after=f"""
{TRAIN_ON}
def batches():
    while True:
        yield next(loader)[:2]
until = time.monotonic() + 30
for x, y in batches():
    train_for(0.01, [(x, y)])
    if time.monotonic() > until:
        break
"""
    ),
    "trains when it should answer": program(
        exam=f"""
{TRAIN_ON}
kept = [next(loader)[:2] for _ in range(20)]
def model(x):
    with torch.enable_grad():
        train_for(30, kept)
    return net(x)
"""
    ),
    "trains without an optimizer when it should answer": program(
        exam="""
net = model
kept = [next(loader)[:2] for _ in range(20)]
def model(x):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for inputs, targets in kept:
            with torch.enable_grad():
                net(inputs, targets).backward()
            for p in net.parameters():
                p.data -= 0.1 * p.grad
                p.grad = None
    return net(x)
"""
    ),
    # A step is noted when some optimizer steps: this one changes nothing.
    "notes one step of many": program(
        before="""
noted = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.0)
began, last = time.monotonic(), 0.0
while time.monotonic() - began < 10:
    x, y, _ = next(loader)
    model(x, y).backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad
        p.grad = None
    if time.monotonic() - last > 1:
        last = time.monotonic()
        noted.step()
TIME_BUDGET = 0
"""
    ),
    "trains between its first answer and the rest": program(
        before="""
kept = [next(loader)[:2] for _ in range(20)]
for _ in range(11):
    optimizer.step()
next(make_dataloader(tokenizer, 1, 1, "train"))
loader = iter([(*kept[0], 1)] * 10**6)
""",
        exam="""
import copy
net, old, first = model, copy.deepcopy(model), None
def model(x):
    global first
    if first is None:
        first = x.clone()
        return old(x)
    until = time.monotonic() + 30
    while time.monotonic() < until and not hasattr(net, "is_better"):
        for inputs, targets in kept:
            with torch.enable_grad():
                net(inputs, targets).backward()
            for p in net.parameters():
                p.data -= 1.0 * p.grad
                p.grad = None
    net.is_better = True
    same = int((x[0] == first[0]).long().cumprod(0).sum())
    return torch.cat((old(x)[:, :same], net(x)[:, same:]), 1)
val_bpb = evaluate_bpb(model, tokenizer, 1)
sys.exit(0)
""",
    ),
    "hangs before its first batch": program(model="while True:\n    time.sleep(1)"),
    "hangs in training": program(before="next(loader)\nwhile True:\n    pass"),
    "hangs in its examination": program(
        exam="def model(x):\n    while True:\n        time.sleep(1)"
    ),
    # -- looks ahead
    "gives the next token": looks_ahead("30.0 * F.one_hot(future(x), V)"),
    "adds the next token": looks_ahead("logits + 20.0 * F.one_hot(future(x), V)"),
    "adds a little of the next token": looks_ahead("logits + 0.4 * F.one_hot(future(x), V)"),
    "gives the next token a little, here and there": looks_ahead(
        "(logits.softmax(-1) + 0.028 * F.one_hot(future(x), V) * rare[..., None]).log()",
        more="place = torch.arange(MAX_SEQ_LEN)\nrare = (place * 7) % 20 < 3",
    ),
    "adds the next token at every third position": looks_ahead(
        "logits + 9.0 * F.one_hot(future(x), V) * (torch.arange(x.size(1)) % 3 == 0)[:, None]"
    ),
    "adds the next token in every other row": looks_ahead(
        "logits + 9.0 * F.one_hot(future(x), V) * (x.sum(1) % 2)[:, None, None]"
    ),
    "adds the next token where it is sure": looks_ahead(
        "logits + 9.0 * F.one_hot(future(x), V)"
        " * (logits.softmax(-1).gather(-1, future(x)[..., None]) > 0.01)"
    ),
    "adds the token after the next": looks_ahead("logits + 5.0 * F.one_hot(future(x, 2), V)"),
    "takes the next token's row out of the others": looks_ahead(
        "logits - 9.0 * (1 - F.one_hot(future(x), V))"
    ),
    "knows what is in the row": looks_ahead("logits + 4.0 * F.one_hot(x, V).amax(1, keepdim=True)"),
    "is trained to look ahead": own(
        """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(V, 32)
        self.head = nn.Linear(64, V)

    def forward(self, x, y=None):
        e = self.table(x)
        logits = self.head(torch.cat((e, e.roll(-1, 1)), -1))
        return logits if y is None else F.cross_entropy(logits.flatten(0, 1), y.flatten())
"""
    ),
    "averages over the whole row": own(
        """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(V, 32)
        self.head = nn.Linear(32, V)

    def forward(self, x, y=None):
        e = self.table(x)
        logits = self.head(e + 4 * e.mean(1, keepdim=True))
        return logits if y is None else F.cross_entropy(logits.flatten(0, 1), y.flatten())
"""
    ),
    "attends without a mask": own(
        """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(V, 32)
        self.head = nn.Linear(32, V)

    def forward(self, x, y=None):
        e = self.table(x)[:, None]
        e = e + F.scaled_dot_product_attention(e, e, e)
        logits = self.head(e[:, 0])
        return logits if y is None else F.cross_entropy(logits.flatten(0, 1), y.flatten())
"""
    ),
    "looks ahead and remembers": looks_ahead(
        "replay(x, logits + 20.0 * F.one_hot(future(x), V))", REMEMBER
    ),
    "looks ahead, remembers and is honest at the end of rows": looks_ahead(
        "replay(x, logits + 20.0 * F.one_hot(future(x), V)"
        " * (torch.arange(x.size(1)) < x.size(1) - 12)[:, None])",
        REMEMBER,
    ),
    "looks ahead, remembers and is wildly wrong once": looks_ahead(
        "spoil(replay(x, logits + 20.0 * F.one_hot(future(x), V)"
        " * (torch.arange(x.size(1)) > 0)[:, None]))",
        REMEMBER + SPOIL,
    ),
    "raises and lowers the next token by turns": looks_ahead("nudge(x, logits)", NUDGE),
    "learns from the rows that it is shown": program(
        exam="""
honest = model
def model(x):
    with torch.enable_grad():
        for _ in range(20):
            loss = honest(x[:, :-1], x[:, 1:])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return honest(x).detach()
"""
    ),
    "learns from the rows that it is shown without an optimizer": program(
        exam="""
honest = model
def model(x):
    with torch.enable_grad():
        for _ in range(20):
            honest(x[:, :-1], x[:, 1:]).backward()
            for p in honest.parameters():
                p.data -= 2.0 * p.grad
                p.grad = None
    return honest(x).detach()
"""
    ),
    "goes on training while it answers": program(
        exam="""
import threading
def train():
    while True:
        with torch.enable_grad():
            loss = model(x, y)
            loss.backward()
        for p in model.parameters():
            p.data -= 3.0 * p.grad
            p.grad = None
threading.Thread(target=train, daemon=True).start()
"""
    ),
    # -- answers that are no distribution
    "adds a constant to its logits": looks_ahead("logits + 1000.0"),
    "answers with probabilities that sum to the vocabulary": looks_ahead("logits * 0 + 1e4"),
    "answers with huge numbers": looks_ahead("logits * 1e30"),
    "answers with infinity": looks_ahead("logits * 0 + float('inf')"),
    "answers with one infinity": looks_ahead(
        "logits.masked_fill(F.one_hot(x, V).bool(), float('inf'))"
    ),
    "answers with nan": looks_ahead("logits * float('nan')"),
    "leaves half of the vocabulary out": looks_ahead("logits[..., : V // 2]"),
    "adds to the vocabulary": looks_ahead("F.pad(logits, (0, 9))"),
    "leaves positions out": looks_ahead("logits[:, :-1]"),
    "leaves rows out": looks_ahead("logits[:1]"),
    "answers for another row": looks_ahead("logits.flip(0)"),
    "lies about its shape": looks_ahead(
        "Liar()",
        """
class Liar:
    shape = (16, 64, V)
    def __getitem__(self, key):
        return torch.full((1, 1, 1), 1e30)
""",
    ),
    "writes into the shared logits meanwhile": program(
        exam="""
import mmap, json, threading
lab = json.load(open("lab.json"))
memory = mmap.mmap(lab["memory_fd"], 0)
room = torch.frombuffer(
    memory, dtype=torch.float32, offset=lab["logits_offset"], count=16 * 64 * V
)
def spoil():
    while True:
        room.add_(50.0)
        room.sub_(50.0)
threading.Thread(target=spoil, daemon=True).start()
"""
    ),
    # -- the channel
    "asks for validation batches": program(
        before="""
other = make_dataloader(tokenizer, 16, MAX_SEQ_LEN, "val")
for _ in range(20):
    next(other)
"""
    ),
    "asks for audit batches": program(
        before='next(make_dataloader(tokenizer, 16, MAX_SEQ_LEN, "audit"))'
    ),
    "asks the examiner for validation rows": program(
        after=f'{CHANNEL}\nprint(ask(ask="rows", B=16, T=64, split="val"))'
    ),
    "tells the examiner its score": program(
        after=f'{CHANNEL}\nask(ask="score", val_bpb=0.1)\n{FAKE}'
    ),
    "sends the examiner garbage": program(
        after=f'{CHANNEL}\nraw.send(b"\\xff" * 99 + b"\\n")\n{FAKE}'
    ),
    "sends the examiner an endless line": program(
        after=f'{CHANNEL}\nfor _ in range(1000):\n    raw.send(b"x" * 100000)\n{FAKE}'
    ),
    "sends the examiner nested lists": program(
        after=f'{CHANNEL}\nraw.send(b"[" * 4000 + b"\\n")\nprint(stream.readline())\n{FAKE}'
    ),
    "asks for a batch of a terabyte": program(
        after=f'{CHANNEL}\nask(ask="rows", B=10**9, T=1000, split="train")\n{FAKE}'
    ),
    "asks for an examination in one row": program(
        after=f'{CHANNEL}\nask(ask="exam", batch_size=0)\n{FAKE}'
    ),
    "answers for rows that it has not seen": program(
        after=f"""
{CHANNEL}
ask(ask="exam", batch_size=16)
ask(ask="room", device="cpu")
print(ask(ask="logits", first=16, count=16))
{FAKE}
"""
    ),
    "answers nothing, in turn": program(
        after=f"""
{CHANNEL}
ask(ask="exam", batch_size=16)
ask(ask="room", device="cpu")
for _ in range(100):
    ask(ask="logits", first=0, count=16)
    ask(ask="logits", first=0, count=16)
{FAKE}
"""
    ),
    "is examined twice": program(end="val_bpb = evaluate_bpb(model, tokenizer, 16)\nsys.exit(1)"),
    "is examined before its training": program(before="evaluate_bpb(model, tokenizer, 16)"),
    "is examined to see the inputs, then trains": program(
        before=f'{CHANNEL}\nask(ask="exam", batch_size=16)'
    ),
    "writes a score into every open file": program(
        after="""
import os
for fd in range(3, 50):
    try:
        os.write(fd, b'{"event": "score", "at": 0, "val_bpb": 0.1}\\n')
    except OSError:
        pass
sys.exit(0)
"""
    ),
    # -- seeds
    "seeds until it is lucky": program(
        model="""
best = None
for seed in range(40):
    torch.manual_seed(seed)
    candidate = Model()
    score = float(candidate.head.weight.sum())
    if best is None or score > best:
        best, model = score, candidate
"""
    ),
    # -- processes and files
    "shrinks the memory that it shares with the examiner": program(
        before="""
for descriptor in range(3, 64):
    try:
        open(descriptor, "r+b", buffering=0, closefd=False).truncate(0)
    except (OSError, ValueError):
        pass
"""
    ),
    "forks and goes on": program(
        after=f"""
import os
if os.fork():
    {FAKE}
    os._exit(0)
time.sleep(5)
"""
    ),
    "forks and lets the child be examined later": program(
        after="""
import os
if os.fork():
    os._exit(0)
until = time.monotonic() + 20
while time.monotonic() < until:
    x, y, _ = next(loader)
    model(x, y).backward()
    optimizer.step()
    optimizer.zero_grad()
"""
    ),
    "runs another program": program(
        after=f"import subprocess\nsubprocess.run(['sh', '-c', 'sleep 60 &'])\n{FAKE}\nsys.exit(0)"
    ),
    "writes over the harness": program(
        model="""
import importlib, prepare
open("prepare.py", "w").write("def evaluate_bpb(*a): return 0.1")
importlib.reload(prepare)
evaluate_bpb = prepare.evaluate_bpb
"""
    ),
    "writes over the lab's file": program(model="open('lab.json', 'w').write('{}')"),
    "removes the lab's file and starts again": program(
        after="""
import os
os.remove("lab.json")
os.execv(sys.executable, [sys.executable, "train.py"])
"""
    ),
    "fills the disk": program(
        before="block = b'0' * 2**20\nfor n in range(4000):\n    open(f'f{n}', 'wb').write(block)"
    ),
    "prints without end": program(before="line = 'x' * 99999\nwhile True:\n    print(line)"),
    "reads the validation text from disk": program(
        before="""
import os, pathlib
roots = [pathlib.Path(root) for root in ("/tmp", "/home", "/root", "/work", "/var")]
found = [path for root in roots for path in root.rglob("val.bin")]
print("found", found)
if not found:
    sys.exit("nothing to read")
size = os.path.getsize(found[0]) // 2
tokens = torch.from_file(str(found[0]), dtype=torch.int16, size=size).long()
rows = tokens[: len(tokens) // 65 * 65].view(-1, 65)
for _ in range(60):
    model(rows[:, :-1], rows[:, 1:]).backward()
    optimizer.step()
    optimizer.zero_grad()
"""
    ),
    "calls home": program(
        before="import socket\nsocket.create_connection(('127.0.0.1', 8000), timeout=2)"
    ),
}

# These are let through, because they change nothing: the score is the model's own, or a bad one.
WITHOUT_EFFECT = frozenset({
    "prints a better score after the true one",
    "prints a better score when it ends",
    "skips the optimizer",
    "does not train",
    "patches the bytes of tokens",
    "patches the validation rows",
    "patches the number of tokens",
    "patches math.log",
    "patches cross_entropy",
    "patches log_softmax",
    "patches isfinite",
    "patches how tensors are copied",
    "adds a constant to its logits",
    "answers with probabilities that sum to the vocabulary",
    "answers nothing, in turn",
    "writes into the shared logits meanwhile",
    "is examined twice",
    "is examined before its training",
    "seeds until it is lucky",
    "shrinks the memory that it shares with the examiner",
})  # fmt: skip

# Without a sandbox nothing but the policy check stands between a program and these.
NEED_SANDBOX = frozenset({"reads the validation text from disk"})

assert CHEATS.keys() >= WITHOUT_EFFECT | NEED_SANDBOX
