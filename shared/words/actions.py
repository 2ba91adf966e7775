"""Words that say what is done: directions, switches, connectives, and what to read over."""

# Lines are `meaning: phrase, phrase`; the meaning of a factor is its number.
UP = """
up: increase, increased, increasing, raise, raised, raising, raise up, boost, boosting, bump
up: bumping, grow, growing, enlarge, enlarging, lengthen, lengthening, extend, extending
up: strengthen, strengthening, amplify, up, higher, larger, bigger, longer, stronger, greater
up: soften, softening, looser, loosen, loosening, relax, relaxing, heavier, crank up, turn up
up: push up, bump up, scale up, scaling up, upward, expand, expanding, prolong, prolonging, high
up: large, long, crank, push, hike, hiking, elevate, widen, ramp to, upsize, lift, lifting
up: stretch, stretching, stretched, lengthened, extended, rise, rising, strengthened, enlarged
up: boosted, bumped, lifted, expanded, heightened, prolonged, loosened, longer lasting
"""
DOWN = """
down: decrease, decreased, decreasing, reduce, reduced, reducing, lower, lowered, lowering
down: shrink, shrinking, shorten, shortening, cut, cutting, cut down, trim, trimming, smaller
down: shorter, weaker, weaken, weakening, tighter, tighten, tightening, lighter, down, lesser
down: drop down, turn down, dial down, dial back, scale down, scaling down, divide, dividing
down: divided, bring down, push down, damp, diminish, downward, gentler, milder, small, low
down: short, tiny, slash, slashing, shave, pare, pare down, lessen, dampen, curb, knock down
down: slow, slow down, slowing, downsize, scale back, ease, taper off, contract, dial, back off
down: shortened, weakened, tightened, trimmed, slashed, shaved, dampened, squeeze, squeezing
"""
MORE = """
more: more, extra, additional, another
"""
FEWER = """
fewer: fewer, less
"""
ON = """
on: true, add, adding, added, use, using, enable, enabling, enabled, apply, applying, introduce
on: insert, introducing, turn on, turning on, switch on, activate, activating, include, allow
on: allowing, employ, adopt, adopting, with, on, give, try, trying, put, inject, injecting, make
on: reintroduce
"""
OFF = """
off: false, none, remove, removing, removed, disable, disabling, disabled, no, without, drop
off: dropping, turn off, turning off, switch off, skip, skipping, stop, stopping, eliminate
off: eliminating, delete, off, deleting, omit, omitting, get rid of, do not, don t, dont, not
off: zero out, deactivate, ablate, forgo, kill, killing, dispense with, do without, toss, scrap
off: forbid, prohibit, ban, rip out, take away, do away, get rid, exclude, excluding, strip
off: ditch, ditching, nuke, axe, lose, discard, discarding, throw out, throw away, cut out, undo
off: get rid, detach, deactivated, pull out, suppress, zeroed out, eliminated, dropped, banish
off: strip out, abandon, avoid, avoiding, never, ablating, take out, taking out, leave out
off: go away, no longer
"""
REPLACE = """
replace: replace, replacing, swap, swapping, substitute, switch, switching, convert, converting
replace: change, changing, move, moving, go, going, switch over, exchange, replaced, exchanging
"""
INSTEAD = """
instead: instead of, rather than, in place of, in lieu of, as opposed to, versus, vs
"""
FROM = """
from: from, was, previously, formerly, currently, were, current, old value, default was
from: down from, up from
"""
TO = """
to: to, at, into, of, for, up to, down to, equal, equal to, becomes, now, be, towards
"""
BY = """
by: by, a factor of, by a factor of
"""
FACTORS = """
2: double, doubling, doubled, twice, twofold
3: triple, tripling, tripled, thrice, threefold
4: quadruple, quadrupling, quadrupled, fourfold
5: fivefold
8: eightfold
0.5: halve, halving, halved, cut in half
0.25: quarter the
"""
DECAY = """
decay: fall, falling, taper, tapering, tapered, decrease to, decline, let decay, decay, decaying
decay: decayed, anneal, annealing, annealed, end, ending, ramp down, decay down
"""
WHY = """
why: for better, for faster, for more, for stability, for long range, for improved, for cheaper
why: to save, to spend, to get, to allow, to let, to give, to make, to help, to avoid
why: to prevent, whether, see whether, see if, check if, check whether, if, because, since
why: so that, which, thus, therefore, hoping, expect, expected, expecting, should, giving
why: preventing, in order to, hypothesis, rationale, would, may, might, could, seem, looks
why: i think, we think, as it, as the, due to, likely, so as to, that, avoids, helps, can, will
why: improve, improving, whereas, although, though, despite, test whether, to see whether, is
why: are, has, have
"""
SEPARATORS = """
weak: and, plus, while, also, as well as, together with, along with, then, combined with, but
weak: with
"""
FILL = """
fill: output, stream, branch, vector, std, standard deviation, trained, me, do, does, anyway
fill: otherwise, of the way, of the way in, still, of my, choice, candidate
fill: a, an, the, its, our, all, every, each, one, single, just, only, simply, slightly, bit
fill: very, in, on the, over, during, per, about, around, roughly, approximately, s, set
fill: setting, value, training, train, run, model, network, new, same, more aggressively
fill: value of, number of, overall, token, step, iteration, total, global, base, peak, parameter
fill: param, hyperparameter, knob, size, length, count, rate, ratio, fraction, frac, coefficient
fill: coef, weight, factor, amount, strength, term, level, default, entirely, altogether
fill: completely, again, even, little, much, try out, test, experiment, experimenting, combine
fill: combining, combination, winner, phase, shape, schedule, layer wise, standard, plain
fill: simple, style, based, optimizer, function, type, kind, throughout, through, whole, way
fill: go all the way, all the way, let, keep, keeping, run with, linear layer, i, we, us, you
fill: here, there, baseline, as, using a, back, further, them, scheme, input, update, whose, e g
fill: i e, via, way down, small amount of, percentage, stay, aggressive, gentle, mild, moderate
fill: probe, untouched, of training, of the training, of the run, separate, optimise, init at
fill: initially, start, starting, given, within, whole run, scale, scaling, multiply
fill: multiplying, multiplier, version, variant, layer s, or, any, exactly, final value
fill: half life, timestep, minute, device, gpu, forward, dimension, mode, kernel, transformer
fill: gpt, architecture, language model, lm, matmul, final stretch, current setting, update size
fill: setting of, probability, prob, p, portion, share of, part, with tanh, with a tanh
fill: using tanh, via tanh, each epoch, every epoch, everything, turn, together, across, between
fill: before, evaluate, evaluated, evaluation, auxiliary, routing, d, n, x, average, need, come
fill: out, where, when, under, master, whichever, my, your, think, believe, bring, bringing
fill: push, pull, take, taking, get, getting, shift, nudge, nudging, tweak, adjust, adjusting
fill: modify, modifying, alter, tune, tuning, retune, pick, choose, select, prefer, revert
fill: restore, return, place, hold, holding, lock, maintain, maintaining, test out, explore
fill: exploring, consider, want, propose, suggest, plan, attempt, maybe, perhaps, probably
fill: instead, rather, so far, faster, slower, better, good, best, early, late, later, sooner
fill: earlier, much more, time, below, above, within the, per step, at all, bit more, once
fill: longer term, quality, loss curve, packed, averaged, shaped, learnable, learned, trainable
fill: lambda, row, boundary, crossing, cross, too, life, horizon, both, scaled, squared, bpe
fill: than, max, leave, leaving, on top of, on top, it, this, own, first, last, entire, well
fill: invsqrt, sqrt, begin, beginning, magnitude, exp, everywhere, elsewhere, today, now, next
fill: let us, let s, time only, there are, proportionally, proportional, accordingly
fill: correspondingly, sublayer, as many, many, null, addition, placed, respectively, slope
fill: full, distribution, matrix multiplication, multiplication, anymore, any more, re, undo
fill: different, alternative, other, cheaper, unchanged, else, what, how, used, order, drop rate
fill: drop probability, drop prob, data, pattern, neox, palm, llama, gemma, mistral, qwen
fill: deepseek, olmo, nanogpt, nanochat, inspired, like, following, sweep, sweep point, point
fill: group, currently, presently, budget, reach, respectively, usual, usually, common, canonical
fill: input dependent, learned input dependent, module, stack, table, dataloader, loader, pipeline
fill: pass, chunk, plainly, conventional, typical, classic, original, vanilla, option, flag
fill: additionally, per step, kept, existing, present, usual value, custom, explicit, call, apply
fill: they, he, s own, optimizer s, on top of that, of it, a bit of, some, sort, to be, be, nn
fill: matmul, matmul in, matmul input, multiply in, run in, compute, computing, computed, cast
fill: alone, by itself, on its own, recipe, paper, literature, that
"""
