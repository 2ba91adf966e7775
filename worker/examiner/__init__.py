"""The locked examination: a trusted process that holds the data and computes the score.

A program is written by an optimiser, and it will use whatever it can reach. It runs confined, as a
client of this process, and everything that comes out of it is a claim to be checked::

    runner (parent) ── starts ──► examiner ◄── one socket, one shared memory ──► program (sandbox)
           ▲                         │
           └── events, score ────────┘

The examiner hands out the training batches, so the parent's clock knows when training on them
began. At the end it feeds validation inputs, takes logits (shared
memory on CPU, its own buffer opened through CUDA IPC on a GPU), copies them to memory of its own,
and computes the loss itself.

What is guaranteed, whatever the program does:

* **Score.** It is computed here, from logits, with this process's own softmax, over exactly the
  rows that the campaign packs, each once. Printing, patching, raising or exiting changes nothing.
  Values that are not finite or not of the full vocabulary are refused. Logits are copied before
  they are read, so that changing them meanwhile changes nothing.
* **Targets.** They never leave this process. The last target of each row is not even implied by
  an input.
* **Look-ahead by a function of the row.** Rows are mixed with probes: the same row up to a secret
  position, another text behind it. At the secret position and at others before it the distribution
  must be the same, the log-probability of a next token too, and the gain from having seen the true
  future must be zero on average. Probes come before or after their row, and look like any other.
* **Look-ahead by a program that remembers rows** and replays its earlier answers to pass the
  probes: the last position of each row has no visible target, so that its loss is an honest sample.
  It is compared with positions that have seen as much of their document. A program whose other
  losses are better than that by more than chance allows is refused.
* **One examination.** A second one is refused, and after the first the run is over.

What is not guaranteed:

* A program that remembers rows and looks ahead *a little* stays hidden while its gain is below the
  noise of the last-position test: six standard errors of one loss per row and a margin, which is
  up to 2 nats per token with the demo's 256 rows, and falls with their number. It carries the
  code that does so in its published source; re-runs by others and readers of the diff remain the
  defence.
* Look-ahead at so few positions that no probe falls on one of them: with 640 probes (`h100`) a
  program that looks ahead at one position in a hundred gets through once in 600 runs, one in a
  thousand every other time. What that is worth is as small as they are few.
* Test-time training on validation inputs: an input reveals the targets of earlier positions of its
  row. The probes refuse most of it, because answers for equal prefixes then differ.
* Rows that say the same. Where the validation split is little longer than the examination, the
  documents that pack well come again in several rows. In the demo they do: a program that remembers
  what it was shown and predicts with it gains half a bit per byte there.
* Answers that the program brings along. The policy bounds the literals of its source, and what is
  left of them is worth little where the validation text is millions of tokens.
* What is done before the first batch is asked for: two minutes on a CPU, five on a GPU. There are
  no training data of the campaign to learn from; in the demo Python's own library is as good.
* Seeds. The swarm's is set, and the usual ways to set another do nothing; a generator of the
  program's own obeys it.
* Time. The parent's clock bounds the window before the 11th step, the training and the
  examination, each with an allowance for slow machines. A program may use up the allowances: up to
  a quarter of the budget before its clock starts, where steps seem slow, a tenth behind its end,
  and what a slow answer to the examiner may take.
* Side channels of the machine itself (timing, rowhammer, flaws of the kernel or the GPU driver).
"""
