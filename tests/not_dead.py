"""What the check for dead code (vulture, in `make lint`) takes for unused and is not. Each group says why it is there.

What is in none of these groups and used by nobody, or by tests alone, is to be removed.
"""

# ruff: noqa: B018, F821

# --- called by others' code -------------------------------------------------------------------------------------------

# py-evm's interfaces of an account database, a transaction, a computation and a state (chain/machine/_pyevm.py)
_.execution_context, _._account_db, _.apply_computation
_.get_nonce, _.get_code_hash, _.delete_code, _.account_exists, _.touch_account, _.delete_account, _.set_storage
_.is_storage_warm, _.is_address_warm, _.mark_address_warm
_.get_transient_storage, _.set_transient_storage, _.clear_transient_storage
_._code_address, _._storage_address, _._is_delegation, _.prepare_child_message
# asyncio's interface of a protocol (chain/rpc/_http.py, _socket.py)
_.connection_lost, _.pause_writing, _.resume_writing, _.eof_received
# web3.py's interface of a provider (chain/web3/_provider.py); its account in an example
_.make_batch_request, _.is_connected, show_traceback, default_account
# the W3C's Thing Description, whose fields are checked when it is read (fleet/device/_thing.py)
_.observable, _.modified
# a process of its own, which compiles the kernels (mind/rl/_jit.py)
_.compile_here
# a server of its own, which counts what cannot be done without (bench/chain_least.py)
without_a_chain
# scikit-learn's, of estimators and their tags (mind/sklearn.py, mind/_estimator.py)
_.target_tags, _.input_tags, _.classifier_tags, _.multi_label, _.multi_output, _.single_output, _.required, _.sparse
_.classes_, _.score, _.transform, _.partial_fit, _.allow_nan, _.feature_importances_
# Numba's, of a cache of compiled code (mind/_jit.py)
_._cache, _._load_overload, _._save_overload
# River's, of models that learn from frames and of what its checks try (mind/river.py)
_._warning_detected, _.learn_many, _.predict_many, _.predict_proba_many, _._unit_test_params
# html.parser's (network/_fragment.py), NumPy's (wire/_tensors.py), River's (mind/river.py), Sphinx's (docs/conf.py)
handle_startendtag, handle_endtag, _.handle_data, writeable, _._multiclass
project, author, copyright, release, extensions, myst_heading_anchors, suppress_warnings, html_theme, html_title
html_show_sphinx, autodoc_member_order, autodoc_default_options, python_use_unqualified_type_names, setup

# Rules and lives, found by name (mind/kernels/parts.py), and options that they read from the settings by name
_.SGD, _.NLMS, _.IDBD, _.Autostep, _.Adam, _.RMSProp, _.ObGD, _.UPGD, _.Kalman
_.NoLife, _.Continual, _.ReDo, _.SNR, _.Weights
_.value_weight, _.largest_gradient, _.weight_decay, TRACE_DECAY
_.rewiring_rate, _.beta1, _.surprise, _.noise_share, _.perturb_every, _.active_decay, _.check_every, _.reset_fraction
# For lives from outside (mind/kernels/plan.py), and for the forward pass of agents (mind/kernels/forward.py)
_.unit_row, _.all_weighted_sums
# The first of an enumeration that is numbered (mind/kernels/plan.py)
_.CONTRIBUTION

# --- whole records ----------------------------------------------------------------------------------------------------

# Fields of events and of what the DAO votes by: in the contract's order, for whoever reads history
_.voting_delay, _.voting_period, _.late_quorum_extension, _.proposal_threshold, _.quorum_percent
_.least_seconds, _.authorizer
_.updated_by, _.indexed_metadata_key, _.metadata_value, _.client_address, _.feedback_index, _.value_decimals
_.indexed_tag1, _.tag1, _.tag2, _.feedback_uri, _.feedback_hash, _.responder, _.response_uri, _.response_hash
_.validator_address, _.request_uri, _.request_hash, _.response, _.validator, _.agent
_.previous_owner, _.new_owner, _.delegator, _.from_delegate, _.to_delegate, _.previous_votes, _.new_votes
_.signatures, _.voter, _.approved, _.predecessor, _.delay, _.previous_admin, _.new_admin, _.success
# Members of enumerations that are numbered as the contracts number them (ledger/dao/governance.py)
_.CANCELED, _.DEFEATED, _.EXECUTED, _.AGAINST, _.FOR, _.ABSTAIN

# PettingZoo's interface of an environment (twin/_zoo.py)
_.possible_agents, _.observation_space, _.action_space, _.render_mode, _.metadata

# What came of a world, whole (twin/_welfare.py)
_.outages, _.dry, _.nine_tenths

# --- for users of the library -----------------------------------------------------------------------------------------

# Functions of the contracts that Klopf's own processes do not need
(
    _.thaw,
    _.dismiss,
    _.quit,
    _.turnout,
    _.set_rate,
    _.minter,
    _.left_in,
    _.burn,
    _.authorization,
    _.transfer_authorized,
    _.guardian_until,
    _.cancellation,
    _.cancel_authorization,
    _.authorization_used,
    _.agreed,
    _.stood,
)
# Views for others (ledger/agents)
_.announce, _.registration, _.metadata, _.feedback
_.rotate_key, _.change_model, _.delist, _.owner_at, _.pay_node, _.pay_device, _.give_back
# Questions that a user may ask of a chain, a graph, a dendrite or a task
_.transaction_block, _.listeners, _.ask_many, _.output_shape, _.pending
_.sensor_statistics
# Flower's interface of a grid (fleet/_flower.py)
_.node_id, _.set_run, _.get_node_ids, _.get_nodes, _.create_message, _.send_and_receive
# Whom a device works for (fleet/_post.py)
_.knows
# What a benchmark compares with, by name (bench/chain.py)
_.usual, _.read_contract, _.read_balance
# A model as ML Privacy Meter asks it (bench/elsewhere.py)
_.get_logits, _.get_loss, _.get_grad, _.get_intermediate_outputs
per_point, forward_pass
# What a founder may spend on, by its word (klopf invest spend --use)
_.STORAGE
