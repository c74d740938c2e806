"""Names that a program may and may not use."""

UNSAFE_BUILTINS = frozenset(
    (
        *("__import__", "breakpoint", "compile", "copyright", "credits", "dir", "eval", "exec", "exit"),
        *("globals", "help", "input", "license", "locals", "memoryview", "open", "quit", "vars"),
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
        # State of generators that numpy does not check, and memory that views go on reading when it is freed.
        *("capsule", "resize", "set_state", "_bit_generator", "_legacy_seeding"),
        # Memory of arrays as bytes: those of an array of objects are pointers.
        *("data", "cast", "baseclass"),
        *("_get_strided_loop", "_resolve_dtypes_and_context"),
        # They take names, or text to evaluate.
        *("attrname", "evaluate", "_evaluate"),
        # What a module would lead to if one were reached.
        *("os", "sys", "builtins", "subprocess", "importlib", "shutil", "socket", "ctypeslib", "f2py"),
        # They write or read files, or take options that name files.
        *("Write", "Save", "Load", "WriteAssignment", "ReadAssignment", "ExportProfilingOverview"),
        *("SetSolverSpecificParametersAsString", "set_solver_specific_parameters"),
        *("string_params", "string_options", "ParseFromString", "MergeFromString", "FromString"),
    )
)
"""Attributes that lead to frames, memory, files or metaclasses."""


UNSAFE_CHANGES = frozenset(("strides", "dtype"))
"""Attributes that may be read, not changed: of an array of objects, parts of pointers would be read as pointers."""


FILE_ENDINGS = ("_file", "File", "filename")
"""Endings of attributes of solvers that write or read files."""


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
        *("scipy", "scipy.optimize", "scipy.sparse", "scipy.sparse.csgraph", "scipy.spatial"),
        *("scipy.spatial.distance", "scipy.special"),
    )
)


SOLVERS = frozenset(
    (
        *("ortools", "ortools.sat", "ortools.sat.python", "ortools.sat.python.cp_model"),
        *("ortools.linear_solver", "ortools.linear_solver.pywraplp", "ortools.linear_solver.python"),
        *("ortools.linear_solver.python.model_builder", "ortools.constraint_solver"),
        *("ortools.constraint_solver.pywrapcp", "ortools.constraint_solver.routing_enums_pb2"),
        *("ortools.routing", "ortools.routing.pywraprouting", "ortools.routing.enums_pb2"),
        *("ortools.graph", "ortools.graph.python", "ortools.graph.python.linear_sum_assignment"),
        *("ortools.graph.python.max_flow", "ortools.graph.python.min_cost_flow"),
        *("ortools.algorithms", "ortools.algorithms.python", "ortools.algorithms.python.knapsack_solver"),
        *("ortools.math_opt", "ortools.math_opt.python", "ortools.math_opt.python.mathopt"),
    )
)
"""Modules of OR-Tools, which are not loaded to be checked: that takes long, and some need not be there."""


SOLVER_FUNCTIONS = frozenset(
    (
        *("object_is_a_true_literal", "object_is_a_false_literal", "solve", "fast_sum"),
        *("evaluate_expression", "compute_infeasible_subsystem"),
    )
)
"""Functions of those modules. Else their names in capitals are open: the others are modules that they import."""


_ONLY = {
    "copy": frozenset(("copy", "deepcopy")),
    # Not `fields`, `Field` and KW_ONLY: a field whose name is changed becomes code of the next class.
    "dataclasses": frozenset(
        [
            "dataclass",
            "field",
            "asdict",
            "astuple",
            "replace",
            "is_dataclass",
            "FrozenInstanceError",
            "MISSING",
        ]
    ),
    "functools": frozenset(
        [
            "partial",
            "reduce",
            "lru_cache",
            "cache",
            "cmp_to_key",
            "total_ordering",
            "wraps",
            "cached_property",
        ]
    ),
    # Not TypedDict: it takes any text as the name of a field, which `dataclass` makes code of.
    "typing": frozenset(
        [
            "AbstractSet",
            "Annotated",
            "Any",
            "Callable",
            "ChainMap",
            "ClassVar",
            "Collection",
            "Container",
            "Counter",
            "DefaultDict",
            "Deque",
            "Dict",
            "Final",
            "FrozenSet",
            "Generator",
            "Generic",
            "Hashable",
            "ItemsView",
            "Iterable",
            "Iterator",
            "KeysView",
            "List",
            "Literal",
            "Mapping",
            "MutableMapping",
            "MutableSequence",
            "MutableSet",
            "NamedTuple",
            "Never",
            "NewType",
            "NoReturn",
            "Optional",
            "OrderedDict",
            "Protocol",
            "Reversible",
            "Self",
            "Sequence",
            "Set",
            "Sized",
            "SupportsFloat",
            "SupportsIndex",
            "SupportsInt",
            "Text",
            "Tuple",
            "TYPE_CHECKING",
            "TypeAlias",
            "TypeVar",
            "Union",
            "ValuesView",
            "cast",
            "final",
            "overload",
        ]
    ),
    "numpy.lib": frozenset(("stride_tricks",)),
    "numba": frozenset(("jit", "njit")),
    "scipy": frozenset(("optimize", "sparse", "spatial", "special")),
    # Qhull's options name files.
    "scipy.spatial": frozenset(("KDTree", "cKDTree", "distance", "distance_matrix")),
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
            "load_npz",
            "save_npz",
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
        # They view any buffer, or have a state that can be set to places outside their memory.
        *("frombuffer", "recarray", "chararray", "MT19937", "Philox"),
        *("set_state", "get_bit_generator", "set_bit_generator"),
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
