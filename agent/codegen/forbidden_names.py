"""The names that a program may not use, and those that it may."""

UNSAFE_BUILTINS = frozenset(
    (
        *("__import__", "breakpoint", "compile", "copyright", "credits", "dir", "eval", "exec", "exit"),
        *("globals", "help", "input", "license", "locals", "open", "quit", "vars"),
    )
)


BY_NAME = frozenset(("getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"))
"""Functions that reach attributes by their names: called with names that are written there, never values."""


_OPERATIONS = (
    *("lt", "le", "eq", "ne", "gt", "ge", "hash", "bool", "len", "iter", "next", "reversed", "contains"),
    *(
        "getitem",
        "setitem",
        "delitem",
        "missing",
        "init",
        "post_init",
        "repr",
        "str",
        "call",
        "enter",
        "exit",
    ),
    *(
        "neg",
        "pos",
        "abs",
        "invert",
        "round",
        "floor",
        "ceil",
        "trunc",
        "int",
        "float",
        "index",
        "copy",
        "deepcopy",
    ),
)


_BINARY = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow"),
    *("matmul", "lshift", "rshift", "and", "or", "xor"),
)


METHODS = frozenset(
    f"__{way}{name}__"
    for names, ways in ((_OPERATIONS, ("",)), (_BINARY, ("", "r", "i")))
    for name in names
    for way in ways
)
"""Special methods that a class may define, and that do no more than operators do."""


_READABLE = METHODS | {"__name__", "__qualname__", "__doc__"}


_NAMED = frozenset(("__name__", "__all__", "__slots__", "__author__", "__version__")) | METHODS


UNSAFE_ATTRIBUTES = frozenset(
    (
        *("gi_frame", "gi_code", "gi_yieldfrom", "cr_frame", "cr_code", "cr_await", "cr_origin"),
        *("ag_frame", "ag_code", "ag_await", "tb_frame", "tb_next", "tb_lasti"),
        *("f_back", "f_builtins", "f_code", "f_generator", "f_globals", "f_locals", "f_trace"),
        *("func_globals", "func_code", "mro", "ctypes", "cffi", "tofile", "dump", "format_map"),
        *("ExportToFile", "export_to_file", "WriteToFile", "write_to_file", "WriteModelToFile"),
    )
)
"""Attributes that lead to frames, memory, files or metaclasses."""


MODULES = frozenset(
    (
        *("math", "heapq", "bisect", "itertools", "functools", "operator", "random", "copy", "collections"),
        *("collections.abc", "dataclasses", "typing", "fractions", "statistics", "re", "string"),
        *(
            "numpy",
            "numpy.linalg",
            "numpy.random",
            "numpy.fft",
            "numpy.ma",
            "numpy.polynomial",
            "numpy.typing",
        ),
        *(
            "numpy.polynomial.polynomial",
            "numpy.char",
            "numpy.strings",
            "numpy.lib",
            "numpy.lib.stride_tricks",
        ),
    )
)


_ONLY = {
    "numpy.lib": frozenset(("stride_tricks",)),
    "numpy.lib.stride_tricks": frozenset(("sliding_window_view",)),
}
"""Modules of which no more than these names are open."""


UNSAFE_MEMBERS = frozenset(
    (
        # They evaluate text, or give `type` itself.
        *(
            "get_type_hints",
            "ForwardRef",
            "evaluate_forward_ref",
            "get_origin",
            "get_args",
            "get_annotations",
        ),
        *(
            "Type",
            "singledispatch",
            "singledispatchmethod",
            "update_wrapper",
            "make_dataclass",
            "bmat",
            "Formatter",
        ),
        # They read or write files, or start programs.
        *(
            "load",
            "save",
            "savez",
            "savez_compressed",
            "loadtxt",
            "savetxt",
            "genfromtxt",
            "fromfile",
            "fromregex",
        ),
        *("memmap", "DataSource", "recfromtxt", "recfromcsv", "test", "info", "show_config", "show_runtime"),
        *(
            "get_include",
            "core",
            "testing",
            "f2py",
            "ctypeslib",
            "distutils",
            "compat",
            "matlib",
            "exceptions",
        ),
        *("as_strided", "add_newdoc", "source", "lookfor", "safe_eval", "open_memmap"),
        # What other libraries import for themselves.
        *(
            "os",
            "sys",
            "builtins",
            "subprocess",
            "importlib",
            "io",
            "shutil",
            "socket",
            "threading",
            "inspect",
        ),
        *(
            "types",
            "pickle",
            "tempfile",
            "pathlib",
            "pd",
            "pandas",
            "warnings",
            "platform",
            "signal",
            "logging",
        ),
    )
)


STARS = frozenset(
    ("math", "heapq", "bisect", "itertools", "random", "collections", "fractions", "statistics")
)
"""Modules that may be imported from by a star: all of their public names are harmless."""


OURS = frozenset(("main", "self_test"))
"""Functions of an exported module that a program must not call as if they were its own."""
