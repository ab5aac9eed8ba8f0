"""What every array of an agent that learns from batches holds, and where, by name."""

FAR = 1e30
"""What is not nearer is not a number to learn from. Compared with, as code that may reorder sums need not know NaN."""
IN, OUT, AT, UNITS_AT = range(4)
"""Of each layer of a network: inputs, units, where its weights begin, where its units' records do."""
WEIGHT, GRADIENT, FIRST, SECOND = range(4)
"""Rows of the table of weights: themselves, their gradient, Adam's two running means."""
TANH, RELU = range(2)
LOG, VALUE, REWARD, AFTER, ENDS, ADVANTAGE, GOAL = COLUMNS = range(7)
"""Of each step of a rollout: logarithm of the action's probability, value, reward, value of what follows where the
rollout is cut (0 where the episode is over), whether it is cut there, advantage, what the value should have been."""
AGE, UTILITY, MEAN, BORN = RECORDS = range(4)
"""Of each unit: age in steps of Adam, running utility (R1) and mean of what it says, both uncorrected; 1 if it was born
later than its network."""
S_MEAN, S_SQUARES = range(2)
"""Of each observation: running mean, sum of squared deviations."""
STEPS, BIRTHS, CLIPPED, SEEN, REWARDS, TRACE, TRACE_MEAN, TRACE_SQUARES = COUNTS = range(8)
"""Steps of Adam, units reborn, share of ratios clipped in the last epoch; observations seen, rewards earned, and of the
discounted sum of rewards: now, mean, sum of squared deviations."""

NOW, MINIBATCH, WIDE, KIND, DISCRETE, NORMALISE, SCALE, TERMINATE = PLAN = range(8)
"""Whole numbers that every kernel is told: the step of the rollout that is lived; rows of a minibatch; numbers of a row
of activities; kind of units; whether actions are choices, observations are normalised and rewards scaled, and whether
nothing follows a truncated episode."""
BEGIN, STEP_ON, GO_ON = range(3)
"""What ``live`` is called for: an episode begins, a step was made, or the rollout that was full is learned from."""
FINE, FULL, BAD_OBSERVATION, BAD_REWARD, DIVERGED = range(5)
"""What comes of it. FULL: the rollout is, and is to be learned from before an action is drawn."""
LOW, HIGH, TAKEN = ACTION = range(3)
"""Of each number of an action: its bounds, and what is done."""

HYPER = (
    "beta1", "beta2", "step_size", "epsilon", "weight_decay", "clip", "entropy", "value_weight", "largest_gradient",
    "gamma", "trace_decay", "noise", "replacement_rate", "maturity", "utility_decay", "protected", "smallest",
)  # fmt: skip
"""Settings that kernels know, in the order of their array."""
(
    BETA1, BETA2, STEP, EPSILON, DECAY, CLIP, ENTROPY, VALUE_WEIGHT, LARGEST, GAMMA, TRACE_DECAY, NOISE, RATE, MATURITY,
    UTILITY_DECAY, PROTECTED, SMALLEST,
) = range(17)  # fmt: skip
