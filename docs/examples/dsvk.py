#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libdsvk for Python 3.8 and newer, in this file alone, by ctypes.

    import dsvk
    device = dsvk.Device()
    model = dsvk.Model("models/demo").load(device)
    session = model.session()
    for text in session.ask("What is MLA?"):
        print(text, end="", flush=True)

As a program: dsvk.py FOLDER [QUESTION...] answers questions of one conversation.

What fails raises dsvk.Error, with the library's sentence. The rest of its log goes to the logger
"dsvk" of Python's logging. Calls of the library let other threads of Python run. Objects may be
closed, or forgotten, in any order. What has no class here is called through dsvk.lib, with the
structs and functions of the headers (include/dsvk), which say what they do. The library is found by
DSVK_LIBRARY, or as programs find theirs.
"""
import ctypes
import json
import logging
import os
import queue
import sys
import threading
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_bool, c_char, c_char_p, c_double,
                    c_float, c_int, c_size_t, c_ubyte, c_uint32, c_uint64, c_void_p, sizeof)
from enum import IntEnum

# ---- what tools/bindings writes ----

MAX_CHUNK = 4096
MAX_HEAPS = 16
MOST_LOGPROBS = 20
PACE_END = 18446744073709551615
TEXT_END = 4294967295
VERSION_MAJOR = 0
VERSION_MINOR = 2
VERSION_PATCH = 0


class dsvk_status(IntEnum):
    OK = 0
    BAD_ARGUMENT = 1
    BAD_FILE = 2
    UNSUPPORTED = 3
    NO_MEMORY = 4
    NO_VRAM = 5
    NO_DEVICE = 6
    DEVICE_LOST = 7
    CANCELLED = 8
    NOT_FINITE = 9
    BUSY = 10


class dsvk_log_level(IntEnum):
    LOG_ERROR = 0
    LOG_WARN = 1
    LOG_INFO = 2
    LOG_DEBUG = 3


class dsvk_trim(IntEnum):
    TRIM_SCRATCH = 0
    TRIM_CACHES = 1


class dsvk_math(IntEnum):
    MATH_AUTO = 0
    MATH_F32 = 1
    MATH_F16 = 2


class dsvk_weights(IntEnum):
    WEIGHTS_KEEP = 0
    WEIGHTS_BF16 = 1
    WEIGHTS_FP8 = 2
    WEIGHTS_INT4 = 3
    WEIGHTS_FP4 = 4


class dsvk_head(IntEnum):
    HEAD_AUTO = 0
    HEAD_KEEP = 1
    HEAD_FP8 = 2


class dsvk_cache(IntEnum):
    CACHE_BF16 = 0
    CACHE_F32 = 1
    CACHE_FP8 = 2


class dsvk_think(IntEnum):
    THINK_AUTO = 0
    THINK_ON = 1
    THINK_OFF = 2


class dsvk_graph_stage(IntEnum):
    STAGE_BUILT = 0
    STAGE_FUSED = 1
    STAGE_PLANNED = 2


class dsvk_graph_format(IntEnum):
    FORMAT_TEXT = 0
    FORMAT_DOT = 1
    FORMAT_JSON = 2


class dsvk_piece_kind(IntEnum):
    PIECE_REASONING = 0
    PIECE_TEXT = 1
    PIECE_CALL = 2
    PIECE_ARGUMENTS = 3
    PIECE_CALL_END = 4
    PIECE_NOTE = 5


class dsvk_end(IntEnum):
    END_NONE = 0
    END_TOKEN = 1
    END_STOP_TEXT = 2
    END_LIMIT = 3
    END_CONTEXT = 4
    END_TAKER = 5
    END_STOP = 6


class dsvk_log(Structure):
    _fields_ = [("write", CFUNCTYPE(None, c_void_p, c_int, c_void_p)), ("user", c_void_p),
                ("level", c_int)]


class dsvk_allocator(Structure):
    _fields_ = [("resize", CFUNCTYPE(c_void_p, c_void_p, c_void_p, c_size_t)), ("user", c_void_p)]


class dsvk_progress(Structure):
    _fields_ = [("report", CFUNCTYPE(c_bool, c_void_p, c_uint64, c_uint64)), ("user", c_void_p),
                ("stop", c_void_p)]


class dsvk_device_info(Structure):
    _fields_ = [("name", c_char * 256), ("vendor", c_char * 32), ("driver", c_char * 512),
                ("uuid", c_char * 37), ("api", c_char * 16), ("usable", c_bool),
                ("why_not", c_char * 160), ("software", c_bool), ("integrated", c_bool),
                ("unified_memory", c_bool), ("memory_total", c_uint64), ("memory_free", c_uint64),
                ("subgroup", c_uint32), ("subgroup_min", c_uint32), ("subgroup_max", c_uint32),
                ("max_workgroup", c_uint32), ("shared_bytes", c_uint32),
                ("cooperative_matrix", c_bool), ("bfloat16", c_bool), ("float8", c_bool),
                ("float16", c_bool), ("int64", c_bool), ("integer_dot", c_bool),
                ("host_import", c_bool), ("slow", c_bool)]


class dsvk_device_params(Structure):
    _fields_ = [("which", c_char_p), ("memory_limit", c_uint64), ("validate", c_bool),
                ("pipeline_cache", c_char_p), ("slice_us", c_uint32), ("log", dsvk_log),
                ("allocator", dsvk_allocator)]


class dsvk_submission(Structure):
    _fields_ = [("prompt", c_bool)]


class dsvk_pace(Structure):
    _fields_ = [("share", c_double),
                ("before", CFUNCTYPE(c_uint64, c_void_p, POINTER(dsvk_submission))),
                ("user", c_void_p)]


class dsvk_recover_params(Structure):
    _fields_ = [("progress", dsvk_progress)]


class dsvk_run(Structure):
    _fields_ = [("math", c_int), ("no_fuse", c_bool), ("weights", c_int),
                ("host_memory", c_uint64), ("context", c_uint32), ("chunk", c_uint32),
                ("cache", c_int), ("head", c_int)]


class dsvk_model_params(Structure):
    _fields_ = [("folder", c_char_p), ("like", c_char_p), ("layers", c_uint32),
                ("config_only", c_bool), ("log", dsvk_log), ("allocator", dsvk_allocator),
                ("tokenizer_only", c_bool)]


class dsvk_model_info(Structure):
    _fields_ = [("architecture", c_char_p), ("layers", c_uint32), ("dense_layers", c_uint32),
                ("hidden", c_uint32), ("heads", c_uint32), ("vocab", c_uint32),
                ("q_lora", c_uint32), ("kv_lora", c_uint32), ("nope", c_uint32),
                ("rope", c_uint32), ("v_head", c_uint32), ("dense_ffn", c_uint32),
                ("expert_ffn", c_uint32), ("experts", c_uint32), ("shared_experts", c_uint32),
                ("top_k", c_uint32), ("groups", c_uint32), ("top_k_groups", c_uint32),
                ("mtp_layers", c_uint32), ("max_context", c_uint32), ("routing", c_char_p),
                ("chat_format", c_char_p), ("number_formats", c_char_p), ("parameters", c_uint64),
                ("active_parameters", c_uint64), ("bytes", c_uint64), ("tensors", c_uint32),
                ("shards", c_uint32), ("adds_bos", c_bool), ("tokenizer_size", c_uint32),
                ("latent_bytes", c_uint64), ("do_sample", c_bool), ("temperature", c_float),
                ("top_p", c_float), ("gen_top_k", c_uint32)]


class dsvk_tensor_info(Structure):
    _fields_ = [("name", c_char_p), ("dtype", c_char_p), ("n_dims", c_uint32),
                ("dims", c_uint64 * 4), ("bytes", c_uint64)]


class dsvk_text(Structure):
    _fields_ = [("held", c_ubyte * 4), ("n", c_uint32)]


class dsvk_tool_call(Structure):
    _fields_ = [("id", c_char_p), ("name", c_char_p), ("arguments", c_char_p)]


class dsvk_message(Structure):
    _fields_ = [("role", c_char_p), ("text", c_char_p), ("reasoning", c_char_p),
                ("calls", POINTER(dsvk_tool_call)), ("n_calls", c_size_t), ("call_id", c_char_p),
                ("name", c_char_p), ("tools", c_char_p), ("response_format", c_char_p),
                ("task", c_char_p), ("open", c_bool)]


class dsvk_chat_params(Structure):
    _fields_ = [("think", c_int), ("format", c_char_p), ("no_open", c_bool),
                ("keep_reasoning", c_bool), ("effort", c_char_p), ("tools", c_char_p),
                ("call", c_char_p)]


class dsvk_prompt(Structure):
    _fields_ = [("ids", POINTER(c_uint32)), ("n_ids", c_size_t), ("text", POINTER(c_char)),
                ("bytes", c_size_t)]


class dsvk_graph_params(Structure):
    _fields_ = [("stage", c_int), ("format", c_int), ("tokens", c_uint32), ("chunk", c_uint32),
                ("no_fuse", c_bool), ("write", CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)),
                ("user", c_void_p)]


class dsvk_load_params(Structure):
    _fields_ = [("run", dsvk_run), ("progress", dsvk_progress)]


class dsvk_quantize_params(Structure):
    _fields_ = [("weights", c_int), ("head", c_int), ("progress", dsvk_progress)]


class dsvk_piece(Structure):
    _fields_ = [("kind", c_int), ("text", c_void_p), ("bytes", c_size_t), ("call", c_uint32),
                ("id", c_char_p), ("name", c_char_p)]


class dsvk_answer_params(Structure):
    _fields_ = [("chat", POINTER(dsvk_chat_params)), ("prompt", POINTER(c_uint32)),
                ("n_prompt", c_size_t), ("no_calls", c_bool),
                ("take", CFUNCTYPE(None, c_void_p, POINTER(dsvk_piece))), ("user", c_void_p)]


class dsvk_session_params(Structure):
    _fields_ = [("context", c_uint32), ("chunk", c_uint32), ("cache", c_int), ("profile", c_bool),
                ("overcommit", c_bool), ("exact_prefix", c_bool), ("compiling", dsvk_progress)]


class dsvk_bias(Structure):
    _fields_ = [("token", c_uint32), ("bias", c_float)]


class dsvk_logprob(Structure):
    _fields_ = [("token", c_uint32), ("logprob", c_float)]


class dsvk_sampling(Structure):
    _fields_ = [("temperature", c_float), ("top_k", c_uint32), ("top_p", c_float),
                ("min_p", c_float), ("seed", c_uint64), ("biases", POINTER(dsvk_bias)),
                ("n_biases", c_size_t), ("repetition_penalty", c_float),
                ("presence_penalty", c_float), ("frequency_penalty", c_float),
                ("penalty_last", c_uint32), ("prompt_tokens", c_uint32),
                ("mask", CFUNCTYPE(c_void_p, c_void_p, c_size_t)), ("mask_user", c_void_p),
                ("logprobs", CFUNCTYPE(None, c_void_p, c_size_t, POINTER(dsvk_logprob),
                                       POINTER(dsvk_logprob), c_size_t)),
                ("logprobs_user", c_void_p), ("n_logprobs", c_uint32)]


class dsvk_generate_params(Structure):
    _fields_ = [("sampling", dsvk_sampling), ("limit", c_size_t), ("past_end", c_bool),
                ("take", CFUNCTYPE(c_bool, c_void_p, c_uint32, c_void_p, c_size_t)),
                ("user", c_void_p), ("stop_texts", POINTER(c_char_p)), ("n_stop_texts", c_size_t),
                ("stop", c_void_p)]


class dsvk_score_rows(Structure):
    _fields_ = [("logits", CFUNCTYPE(None, c_void_p, c_size_t, c_void_p)),
                ("router", CFUNCTYPE(None, c_void_p, c_uint32, c_size_t, c_void_p, c_void_p)),
                ("user", c_void_p)]


class dsvk_session_stats(Structure):
    _fields_ = [("device_bytes", c_uint64), ("weight_bytes", c_uint64), ("cache_bytes", c_uint64),
                ("arena_bytes", c_uint64), ("session_pages", c_uint32),
                ("session_pages_shared", c_uint32), ("pages", c_uint32), ("pages_used", c_uint32),
                ("pages_kept", c_uint32), ("page_bytes", c_uint64), ("submissions", c_uint64),
                ("prefill_tokens", c_uint64), ("decode_tokens", c_uint64),
                ("prefill_seconds", c_double), ("decode_seconds", c_double),
                ("decode_dispatches", c_uint32), ("decode_barriers", c_uint32),
                ("experts", c_uint32), ("expert_slots", c_uint32), ("host_experts", c_uint32),
                ("host_bytes", c_uint64), ("expert_hits", c_uint64),
                ("expert_from_host", c_uint64), ("expert_from_disk", c_uint64),
                ("expert_host_bytes", c_uint64), ("expert_disk_bytes", c_uint64),
                ("expert_seconds", c_double)]


class dsvk_profile_row(Structure):
    _fields_ = [("kernel", c_char * 64), ("op", c_char_p), ("format", c_char_p),
                ("rows", c_uint32), ("cols", c_uint32), ("matrices", c_uint32),
                ("dispatches", c_uint64), ("seconds", c_double), ("bytes", c_uint64),
                ("flops", c_uint64)]


class dsvk_plan_params(Structure):
    _fields_ = [("run", dsvk_run), ("memory_limit", c_uint64)]


class dsvk_heap(Structure):
    _fields_ = [("size", c_uint64), ("free", c_uint64), ("device_local", c_bool),
                ("host_visible", c_bool), ("holds_device", c_bool), ("holds_host", c_bool)]


class dsvk_plan_bytes(Structure):
    _fields_ = [("attention", c_uint64), ("dense_ffn", c_uint64), ("shared_experts", c_uint64),
                ("routed_experts", c_uint64), ("embedding_head", c_uint64),
                ("norms_routers", c_uint64), ("alignment", c_uint64), ("expert_tables", c_uint64),
                ("latent_cache", c_uint64), ("activations", c_uint64), ("rope_table", c_uint64),
                ("arguments", c_uint64)]


class dsvk_plan(Structure):
    _fields_ = [("context", c_uint32), ("chunk", c_uint32), ("math_f16", c_bool),
                ("has_device", c_bool), ("has_budget", c_bool), ("n_heaps", c_uint32),
                ("heaps", dsvk_heap * 16), ("buffer_limit", c_uint64),
                ("device", dsvk_plan_bytes), ("device_bytes", c_uint64),
                ("device_before", c_uint64), ("device_limit", c_uint64),
                ("least_bytes", c_uint64), ("largest_buffer", c_uint64), ("fits", c_bool),
                ("host_session", c_uint64), ("host_staging", c_uint64),
                ("host_experts", c_uint64), ("largest_context", c_uint32),
                ("largest_chunk", c_uint32), ("layers", c_uint32), ("dense_layers", c_uint32),
                ("experts", c_uint32), ("experts_device", c_uint32), ("experts_host", c_uint32),
                ("experts_disk", c_uint32), ("expert_bytes", c_uint64),
                ("token_weights", c_uint64), ("token_cache", c_uint64)]


class dsvk_plan_layer(Structure):
    _fields_ = [("moe", c_bool), ("experts_device", c_uint32), ("experts_host", c_uint32),
                ("experts_disk", c_uint32)]


PROTOTYPES = [
    ("dsvk_status_text", c_char_p, c_int),
    ("dsvk_version", c_char_p),
    ("dsvk_stop_new", c_int, POINTER(c_void_p), POINTER(dsvk_allocator)),
    ("dsvk_stop_set", None, c_void_p, c_bool),
    ("dsvk_stop_is_set", c_bool, c_void_p),
    ("dsvk_stop_free", None, c_void_p),
    ("dsvk_device_list", c_int, POINTER(POINTER(dsvk_device_info)), POINTER(c_uint32),
     POINTER(dsvk_log), POINTER(dsvk_allocator)),
    ("dsvk_device_list_free", None, POINTER(dsvk_device_info), POINTER(dsvk_allocator)),
    ("dsvk_device_open", c_int, POINTER(c_void_p), POINTER(dsvk_device_params)),
    ("dsvk_device_open_background", c_int, POINTER(c_void_p), POINTER(dsvk_device_params)),
    ("dsvk_device_why", c_size_t, c_void_p, POINTER(c_char), c_size_t),
    ("dsvk_device_close", None, c_void_p),
    ("dsvk_device_describe", POINTER(dsvk_device_info), c_void_p),
    ("dsvk_device_bytes", c_uint64, c_void_p),
    ("dsvk_device_set_pace", c_int, c_void_p, POINTER(dsvk_pace)),
    ("dsvk_device_next_frame", c_int, c_void_p, c_uint64),
    ("dsvk_device_trim", c_int, c_void_p, c_int, POINTER(c_uint64)),
    ("dsvk_device_is_lost", c_bool, c_void_p),
    ("dsvk_device_recover", c_int, c_void_p, POINTER(dsvk_recover_params)),
    ("dsvk_model_open", c_int, POINTER(c_void_p), POINTER(dsvk_model_params)),
    ("dsvk_model_close", None, c_void_p),
    ("dsvk_model_why", c_size_t, c_void_p, POINTER(c_char), c_size_t),
    ("dsvk_like_name", c_char_p, c_uint32),
    ("dsvk_model_describe", POINTER(dsvk_model_info), c_void_p),
    ("dsvk_model_tensor", c_bool, c_void_p, c_uint32, POINTER(dsvk_tensor_info)),
    ("dsvk_model_tokenize", c_int, c_void_p, c_char_p, c_size_t, c_bool, c_bool,
     POINTER(POINTER(c_uint32)), POINTER(c_size_t)),
    ("dsvk_model_token", c_void_p, c_void_p, c_uint32, POINTER(c_size_t)),
    ("dsvk_model_token_is_special", c_bool, c_void_p, c_uint32),
    ("dsvk_model_token_is_end", c_bool, c_void_p, c_uint32),
    ("dsvk_model_text", c_size_t, c_void_p, POINTER(dsvk_text), c_uint32, POINTER(c_char),
     c_size_t),
    ("dsvk_model_chat", c_int, c_void_p, POINTER(dsvk_message), c_size_t,
     POINTER(dsvk_chat_params), POINTER(POINTER(c_uint32)), POINTER(c_size_t)),
    ("dsvk_model_chat_next", c_int, c_void_p, c_char_p, POINTER(dsvk_chat_params),
     POINTER(POINTER(c_uint32)), POINTER(c_size_t)),
    ("dsvk_model_chat_text", c_int, c_void_p, POINTER(dsvk_message), c_size_t,
     POINTER(dsvk_chat_params), POINTER(POINTER(c_char)), POINTER(c_size_t)),
    ("dsvk_model_chat_json", c_int, c_void_p, c_char_p, c_size_t, POINTER(dsvk_chat_params),
     c_bool, POINTER(dsvk_prompt)),
    ("dsvk_model_free_memory", None, c_void_p, c_void_p),
    ("dsvk_model_graph", c_int, c_void_p, POINTER(dsvk_graph_params)),
    ("dsvk_model_load", c_int, c_void_p, c_void_p, POINTER(dsvk_load_params)),
    ("dsvk_model_unload", c_int, c_void_p),
    ("dsvk_model_weight_bytes", c_uint64, c_void_p),
    ("dsvk_model_quantize", c_int, c_void_p, c_char_p, c_int, POINTER(dsvk_progress)),
    ("dsvk_model_quantize_with", c_int, c_void_p, c_char_p, POINTER(dsvk_quantize_params)),
    ("dsvk_answer_new", c_int, POINTER(c_void_p), c_void_p, POINTER(dsvk_answer_params)),
    ("dsvk_answer_token", c_int, c_void_p, c_uint32),
    ("dsvk_answer_feed", c_int, c_void_p, c_char_p, c_size_t),
    ("dsvk_answer_end", c_int, c_void_p),
    ("dsvk_answer_free", None, c_void_p),
    ("dsvk_grammar_new", c_int, POINTER(c_void_p), c_void_p, c_char_p, c_size_t),
    ("dsvk_grammar_free", None, c_void_p),
    ("dsvk_grammar_mask", POINTER(c_uint32), c_void_p, c_size_t),
    ("dsvk_grammar_take", c_int, c_void_p, c_uint32),
    ("dsvk_grammar_is_whole", c_bool, c_void_p),
    ("dsvk_grammar_restart", None, c_void_p),
    ("dsvk_session_new", c_int, POINTER(c_void_p), c_void_p, POINTER(dsvk_session_params)),
    ("dsvk_session_free", None, c_void_p),
    ("dsvk_session_fork", c_int, POINTER(c_void_p), c_void_p),
    ("dsvk_session_sync", c_int, c_void_p, POINTER(c_uint32), c_size_t, POINTER(dsvk_progress)),
    ("dsvk_session_tokens", c_size_t, c_void_p),
    ("dsvk_session_ids", c_int, c_void_p, POINTER(c_uint32), c_size_t, POINTER(c_size_t)),
    ("dsvk_session_why", c_char_p, c_void_p),
    ("dsvk_session_context", c_uint32, c_void_p),
    ("dsvk_session_chunk", c_uint32, c_void_p),
    ("dsvk_session_argmax", c_int, c_void_p, POINTER(c_uint32)),
    ("dsvk_session_logits", c_int, c_void_p, POINTER(c_float)),
    ("dsvk_session_generate", c_int, c_void_p, POINTER(dsvk_generate_params), POINTER(c_int)),
    ("dsvk_session_sample", c_int, c_void_p, POINTER(dsvk_sampling), POINTER(c_uint32)),
    ("dsvk_session_score", c_int, c_void_p, POINTER(c_uint32), c_size_t,
     POINTER(dsvk_score_rows), POINTER(dsvk_progress)),
    ("dsvk_session_save", c_int, c_void_p, c_char_p, POINTER(dsvk_progress)),
    ("dsvk_session_load", c_int, c_void_p, c_char_p, POINTER(c_uint32), c_size_t,
     POINTER(dsvk_progress)),
    ("dsvk_session_stats_get", None, c_void_p, POINTER(dsvk_session_stats)),
    ("dsvk_op_name", c_char_p, c_uint32),
    ("dsvk_session_profile", c_int, c_void_p, POINTER(POINTER(dsvk_profile_row)),
     POINTER(c_uint32)),
    ("dsvk_session_profile_reset", None, c_void_p),
    ("dsvk_model_plan", c_int, POINTER(dsvk_plan), c_void_p, c_void_p, POINTER(dsvk_plan_params)),
    ("dsvk_model_plan_layer", c_bool, POINTER(dsvk_plan_layer), c_void_p, POINTER(dsvk_plan),
     c_uint32),
]

# ---- end of what tools/bindings writes ----


def _open_library():
    name = "libdsvk.so.%d.%d" % (VERSION_MAJOR, VERSION_MINOR)
    library = ctypes.CDLL(os.environ.get("DSVK_LIBRARY", name))
    library.dsvk_version.restype = c_char_p
    version = library.dsvk_version().decode()
    if version.split(".")[:2] != [str(VERSION_MAJOR), str(VERSION_MINOR)]:
        raise ImportError("dsvk.py is for libdsvk %d.%d, and this is %s"
                          % (VERSION_MAJOR, VERSION_MINOR, version))
    for function, result, *arguments in PROTOTYPES:
        entry = getattr(library, function)
        entry.restype, entry.argtypes = result, arguments
    return library


lib = _open_library()


# ---- failures and the log ----


class Error(Exception):
    """A call that failed: its sentence, and its dsvk_status as .status."""
    status = None


class Busy(Error):
    pass


class Cancelled(Error):
    pass


class DeviceLost(Error):
    pass


_errors = {dsvk_status.BUSY: Busy, dsvk_status.CANCELLED: Cancelled,
           dsvk_status.DEVICE_LOST: DeviceLost}
_last = threading.local()  # of this thread: the last sentence at level ERROR


@dsvk_log._fields_[0][1]
def _write_log(user, level, line):
    line = ctypes.string_at(line).decode("utf-8", "replace")
    if level == dsvk_log_level.LOG_ERROR:
        _last.line = line
    to = {dsvk_log_level.LOG_WARN: logging.WARNING, dsvk_log_level.LOG_INFO: logging.INFO}
    logging.getLogger("dsvk").log(to.get(level, logging.DEBUG), "%s", line)


_log = dsvk_log(_write_log, None, dsvk_log_level.LOG_INFO)


def _check(status, why=b""):
    if status == dsvk_status.OK:
        return
    status = dsvk_status(status)
    sentence = why.decode("utf-8", "replace") or getattr(_last, "line", "")
    _last.line = ""
    error = _errors.get(status, Error)(sentence or lib.dsvk_status_text(status).decode())
    error.status = status
    raise error


class _Guard:
    """Callbacks of Python's: what they raise ends the call, and is raised behind it."""

    def __init__(self):
        self.raised = None

    def wrap(self, kind, function, failed):
        def guarded(*arguments):
            try:
                return function(*arguments)
            except BaseException as raised:  # KeyboardInterrupt, too
                self.raised = raised
                return failed
        return kind(guarded)

    def progress(self, report, stop):
        """A dsvk_progress; `report(done, total)` goes on unless it answers False."""
        progress = dsvk_progress()
        if report:
            def reported(_, done, total):
                return report(done, total) is not False
            progress.report = self.wrap(dsvk_progress._fields_[0][1], reported, False)
        progress.stop = stop._handle if stop else None
        return progress

    def check(self, status, why=b""):
        if self.raised:
            raise self.raised
        _check(status, why)


class _Handle:
    _handle = None

    def close(self):
        handle, self._handle = self._handle, None
        if handle:
            self._free(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        self.close()

    def _make(self, new, *arguments):
        handle = c_void_p()
        _last.line = ""
        _check(new(byref(handle), *arguments))
        self._handle = handle


def _text(value):
    return None if value is None else os.fsencode(value)


def _fill(struct, values):
    """Fields by name; enums as numbers, texts as str."""
    for name, value in values.items():
        if not hasattr(struct, name):
            raise TypeError("%s has no %s" % (type(struct).__name__, name))
        setattr(struct, name, value.encode() if isinstance(value, str) else value)
    return struct


# ---- the nouns of the library ----


class Stop(_Handle):
    """Ends calls early, which then raise Cancelled: set() from any thread."""
    _free = staticmethod(lib.dsvk_stop_free)

    def __init__(self):
        self._make(lib.dsvk_stop_new, None)

    def set(self, on=True):
        lib.dsvk_stop_set(self._handle, on)

    def is_set(self):
        return lib.dsvk_stop_is_set(self._handle)


def devices():
    """What there is, best first, as dsvk_device_info."""
    found, n = POINTER(dsvk_device_info)(), c_uint32()
    _check(lib.dsvk_device_list(byref(found), byref(n), byref(_log), None))
    try:
        return [dsvk_device_info.from_buffer_copy(found[i]) for i in range(n.value)]
    finally:
        lib.dsvk_device_list_free(found, None)


class Device(_Handle):
    """A Vulkan device, which gives way to others if `background`; keywords are the fields of
    dsvk_device_params."""
    _free = staticmethod(lib.dsvk_device_close)

    def __init__(self, which=None, background=False, **params):
        self._make(lib.dsvk_device_open_background if background else lib.dsvk_device_open,
                   byref(_fill(dsvk_device_params(which=_text(which), log=_log), params)))

    @property
    def info(self):
        return dsvk_device_info.from_buffer_copy(lib.dsvk_device_describe(self._handle).contents)

    @property
    def bytes(self):
        return lib.dsvk_device_bytes(self._handle)

    @property
    def is_lost(self):
        return lib.dsvk_device_is_lost(self._handle)

    def recover(self):
        """Makes a lost device usable again; models and sessions go on."""
        _check(lib.dsvk_device_recover(self._handle, None))


class Model(_Handle):
    """A checkpoint folder; load() puts its weights on a device."""
    _free = staticmethod(lib.dsvk_model_close)

    def __init__(self, folder=None, **params):
        self._make(lib.dsvk_model_open,
                   byref(_fill(dsvk_model_params(folder=_text(folder), log=_log), params)))

    def _why(self):
        room = ctypes.create_string_buffer(lib.dsvk_model_why(self._handle, None, 0) + 1)
        lib.dsvk_model_why(self._handle, room, len(room))
        return room.value

    @property
    def info(self):
        """A dsvk_model_info, valid as long as the model."""
        return lib.dsvk_model_describe(self._handle).contents

    def load(self, device, progress=None, stop=None, **run):
        """`run`: the fields of dsvk_run. `progress(done, total)` is told bytes."""
        guard = _Guard()
        params = dsvk_load_params(_fill(dsvk_run(), run), guard.progress(progress, stop))
        guard.check(lib.dsvk_model_load(self._handle, device._handle, byref(params)), self._why())
        return self

    def unload(self):
        _check(lib.dsvk_model_unload(self._handle), self._why())

    def plan(self, device=None, memory_limit=0, **run):
        """What a run would take, as dsvk_plan, before anything is loaded; .fits says whether it
        does. Without a device: on a card with so many bytes."""
        plan = dsvk_plan()
        params = dsvk_plan_params(_fill(dsvk_run(), run), memory_limit)
        _check(lib.dsvk_model_plan(byref(plan), self._handle, device and device._handle,
                                   byref(params)), self._why())
        return plan

    def session(self, **params):
        """Keywords are the fields of dsvk_session_params."""
        return Session(self, **params)

    def _ids(self, function, *arguments):
        ids, n = POINTER(c_uint32)(), c_size_t()
        _check(function(self._handle, *arguments, byref(ids), byref(n)), self._why())
        try:
            return ids[:n.value]
        finally:
            lib.dsvk_model_free_memory(self._handle, ids)

    def tokenize(self, text, special=False, bos=False):
        data = text.encode()
        return self._ids(lib.dsvk_model_tokenize, data, len(data), special, bos)

    def chat(self, messages, **params):
        """The ids of a conversation: a list of {"role": ..., "content": ...} as of OpenAI, tools
        and calls included. Keywords are the fields of dsvk_chat_params."""
        data, prompt = json.dumps(messages).encode(), dsvk_prompt()
        _check(lib.dsvk_model_chat_json(self._handle, data, len(data),
                                        byref(_fill(dsvk_chat_params(), params)), False,
                                        byref(prompt)), self._why())
        try:
            return prompt.ids[:prompt.n_ids]
        finally:
            lib.dsvk_model_free_memory(self._handle, prompt.ids)

    def chat_next(self, text, **params):
        """The ids of the user's next turn, behind an answer."""
        return self._ids(lib.dsvk_model_chat_next, text.encode(),
                         byref(_fill(dsvk_chat_params(), params)))


class Session(_Handle):
    """One timeline of tokens. One call at a time; a second one raises Busy."""
    _free = staticmethod(lib.dsvk_session_free)

    def __init__(self, model, **params):
        self.model = model
        handle = c_void_p()
        _check(lib.dsvk_session_new(byref(handle), model._handle,
                                    byref(_fill(dsvk_session_params(), params))), model._why())
        self._handle = handle
        self.end = dsvk_end.END_NONE  # why the last answer ended

    def _why(self):
        return lib.dsvk_session_why(self._handle) or b""

    @property
    def ids(self):
        ids = (c_uint32 * lib.dsvk_session_tokens(self._handle))()
        n = c_size_t()
        _check(lib.dsvk_session_ids(self._handle, ids, len(ids), byref(n)), self._why())
        return ids[:n.value]

    def sync(self, ids, progress=None, stop=None):
        """Makes the timeline equal to `ids`; what it has of them already is not computed again."""
        guard = _Guard()
        tokens = (c_uint32 * len(ids))(*ids)
        status = lib.dsvk_session_sync(self._handle, tokens, len(ids),
                                       byref(guard.progress(progress, stop)))
        guard.check(status, self._why())
        return self

    def generate(self, take=None, limit=0, stop=None, stop_texts=(), past_end=False, **sampling):
        """Decodes until it ends; answers the text. `take(text)` is handed it while it comes, and
        ends it by answering False. Keywords are the fields of dsvk_sampling: temperature, top_k,
        top_p, min_p, seed, ...; without them the most likely token is taken."""
        guard, end, pieces = _Guard(), c_int(), []

        def handed(_, token, text, n):
            piece = ctypes.string_at(text, n).decode()
            pieces.append(piece)
            return take is None or not piece or take(piece) is not False

        params = dsvk_generate_params(sampling=_fill(dsvk_sampling(), sampling), limit=limit,
                                      past_end=past_end)
        params.take = guard.wrap(dict(dsvk_generate_params._fields_)["take"], handed, False)
        params.stop = stop._handle if stop else None
        texts = (c_char_p * len(stop_texts))(*[text.encode() for text in stop_texts])
        params.stop_texts, params.n_stop_texts = texts, len(texts)
        status = lib.dsvk_session_generate(self._handle, byref(params), byref(end))
        self.end = dsvk_end(end.value)
        guard.check(status, self._why())
        return "".join(pieces)

    def stream(self, **params):
        """The same as a generator of texts; leaving it ends the answer."""
        texts, left, failure = queue.Queue(), threading.Event(), []

        def take(text):
            texts.put(text)
            return not left.is_set()

        def work():
            try:
                self.generate(take, **params)
            except BaseException as raised:
                failure.append(raised)
            texts.put(None)

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        try:
            yield from iter(texts.get, None)
        finally:
            left.set()
            worker.join()
        if failure:
            raise failure[0]

    def ask(self, text, system=None, think=dsvk_think.THINK_AUTO, **params):
        """The user's next turn, and the answer as stream() has it."""
        stop = params.get("stop")
        before = self.ids
        if before:
            ids = before + self.model.chat_next(text, think=think)
        else:
            messages = [{"role": "system", "content": system}] if system else []
            messages.append({"role": "user", "content": text})
            ids = self.model.chat(messages, think=think)
        self.sync(ids, stop=stop)
        return self.stream(**params)


def main():
    if len(sys.argv) < 2:
        print("usage: dsvk.py FOLDER [QUESTION...]", file=sys.stderr)
        return 2
    try:
        session = Model(sys.argv[1]).load(Device()).session()
        for question in sys.argv[2:] or ["What is MLA?"]:
            for text in session.ask(question, limit=500):
                print(text, end="", flush=True)
            print()
    except Error as error:
        print("dsvk.py:", error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
