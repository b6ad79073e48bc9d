#!/usr/bin/python3
"""Write model files that contradict themselves, lie about sizes or are cut.

    hostile.py MODELS OUT

Reads the models of the folder MODELS (test/data/models) and writes into the
folder OUT files with one thing wrong each, of the kinds that crash, hang or
fool readers of such files: links of trees, indexes, declared sizes, arrays
that are missing, short, long or of another type, categories, weights of dart
and linear models, the structure around them, nesting, lengths and counts in
UBJ, truncation, and bytes changed at random (the same for each run).  A file's
name says what is wrong; those that begin with "random" may be good by chance.
Needs nothing but the standard library.
"""
import copy
import json
import pathlib
import random
import struct
import sys

I32 = 2 ** 31 - 1
COUNTS = ["0", "-1", "1", "5", "12", "1000000", "2000000000", "abc", "",
          "1e3", "99999999999999"]


# --- seeds ---------------------------------------------------------------------

def read_ubj(data, at=0):
    """The value of UBJ at a place, as XGBoost writes it, and where it ends."""
    widths = {"i": "b", "U": "B", "I": ">h", "l": ">i", "L": ">q", "d": ">f",
              "D": ">d"}

    def number(marker, at):
        form = widths[marker]
        value = struct.unpack_from(form, data, at)[0]
        return value, at + struct.calcsize(form)

    marker, at = chr(data[at]), at + 1
    if marker == "{":
        out = {}
        while data[at:at + 1] != b"}":
            size, at = number("L", at + 1)
            key = data[at:at + size].decode()
            out[key], at = read_ubj(data, at + size)
        return out, at + 1
    if marker == "[" and data[at:at + 1] == b"$":
        kind = chr(data[at + 1])
        size, at = number("L", at + 4)
        out = []
        for _ in range(size):
            value, at = number(kind, at)
            out.append(value)
        return out, at
    if marker == "[":
        counted = data[at:at + 1] == b"#"
        size, at = number("L", at + 2) if counted else (None, at)
        out = []
        while (len(out) < size if counted else data[at:at + 1] != b"]"):
            value, at = read_ubj(data, at)
            out.append(value)
        return out, at + (not counted)
    if marker == "S":
        size, at = number("L", at + 1)
        return data[at:at + size].decode(), at + size
    return number(marker, at)


class Writer:
    """The folder of files, and the models that they begin with."""

    def __init__(self, models, out):
        self.out = out
        self.seeds = {}
        self.raw = {}
        for path in sorted(models.iterdir()):
            if path.suffix == ".ubj":
                self.raw[path.name] = path.read_bytes()
                self.seeds[path.stem] = read_ubj(self.raw[path.name])[0]
            elif path.suffix == ".json":
                self.raw[path.name] = path.read_bytes()
                self.seeds[path.stem] = json.loads(self.raw[path.name])

    def bytes(self, name, data):
        (self.out / name).write_bytes(data)

    def text(self, name, data):
        self.bytes(name, data.encode() if isinstance(data, str) else data)

    def model(self, name, seed, change):
        """A seed after a change of its document."""
        document = copy.deepcopy(self.seeds[seed])
        changed = change(document)
        self.text(name, json.dumps(document if changed is None else changed,
                                   separators=(",", ":")))


def body(document):
    """Where the trees are, or the weights."""
    inner = document["learner"]["gradient_booster"]
    return inner.get("gbtree", inner)["model"]


def tree(document, i=0):
    return body(document)["trees"][i]


def put(value, *path):
    """A change of one member, from the root."""
    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value
    return change


def drop(*path):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]
    return change


def of_tree(array, i, value):
    def change(document):
        tree(document)[array][i] = value
    return change


def of_body(value, *path):
    def change(document):
        put(value, *path)(body(document))
    return change


# --- trees -----------------------------------------------------------------------

def links(out):
    """Children and parents that are not there, cycles, shared nodes."""
    for value in (11, 10 ** 6, I32, -2, -5, -2 ** 31):
        for array, i in (("left_children", 0), ("right_children", 0),
                         ("parents", 1)):
            out.model(f"{array}_{value}", "regression",
                      of_tree(array, i, value))

    def both(left, right, at):
        def change(document):
            tree(document)["left_children"][at] = left
            tree(document)["right_children"][at] = right
        return change

    out.model("cycle_self", "regression", both(0, 1, 0))
    out.model("cycle_back", "regression", both(0, 1, 1))
    out.model("shared_child", "regression", both(3, 4, 2))
    out.model("swapped_children", "regression", both(2, 1, 0))
    out.model("right_only", "regression", of_tree("left_children", 0, -1))
    out.model("left_only", "regression", of_tree("right_children", 0, -1))
    for value in (6, 100, 10 ** 6, I32, -1, -2):
        out.model(f"split_index_{value}", "regression",
                  of_tree("split_indices", 0, value))
    for value in (1, -1, 100, 2 ** 40):
        out.model(f"tree_id_{value}", "regression",
                  lambda d, v=value: tree(d).update(id=v))
    for value in (1e39, -1e39):
        out.model(f"condition_{value}", "regression",
                  of_tree("split_conditions", 0, value))


def sizes(out):
    """What is declared is not what is there."""
    learner = ("learner", "learner_model_param")
    for value in COUNTS:
        out.model(f"num_nodes_{value}", "regression",
                  lambda d, v=value: tree(d)["tree_param"].update(
                      num_nodes=v))
        out.model(f"tree_features_{value}", "regression",
                  lambda d, v=value: tree(d)["tree_param"].update(
                      num_feature=v))
        out.model(f"num_deleted_{value}", "regression",
                  lambda d, v=value: tree(d)["tree_param"].update(
                      num_deleted=v))
        for key in ("num_trees", "num_parallel_tree", "size_leaf_vector"):
            out.model(f"{key}_{value}", "forest",
                      of_body(value, "gbtree_model_param", key))
        for key in ("num_feature", "num_class", "num_target", "base_score"):
            out.model(f"{key}_{value}", "regression", put(value, *learner, key))
        out.model(f"classes_{value}", "classes",
                  put(value, *learner, "num_class"))
        out.model(f"softmax_{value}", "classes",
                  put(value, "learner", "objective",
                      "softmax_multiclass_param", "num_class"))
    for value in ("nan", "NaN", "inf", "-1", "2", "1E39", "[0.5]", "[]"):
        out.model(f"logistic_base_{value}", "binary",
                  put(value, *learner, "base_score"))
    for value in (1, 3, 100, -1, 10 ** 6, I32):
        for seed in ("classes", "regression"):
            out.model(f"tree_info_{seed}_{value}", seed,
                      lambda d, v=value: body(d)["tree_info"].__setitem__(
                          0, v) if body(d)["tree_info"][0] != v else put(
                              [v] * 3, "tree_info")(body(d)))
    out.model("tree_info_short", "classes", of_body([0], "tree_info"))
    out.model("tree_info_empty", "classes", of_body([], "tree_info"))
    out.model("trees_empty", "regression", of_body([], "trees"))
    out.model("trees_fewer", "regression",
              lambda d: body(d)["trees"].pop() and None)
    out.model("tree_null", "regression", of_body([None], "trees"))
    for i, rounds in enumerate(([0, 1], [1, 2], [0, 2, 1], [0, 0], [-1, 99])):
        out.model(f"rounds_{i}", "regression",
                  of_body(rounds, "iteration_indptr"))


def arrays(out):
    """Arrays that are gone, of another length or of another type."""
    for key in ("left_children", "right_children", "parents",
                "split_indices", "split_conditions", "default_left",
                "split_type", "loss_changes", "sum_hessian", "base_weights"):
        changes = {
            "short": lambda a: a[:1], "long": lambda a: a * 50,
            "text": lambda a: "x", "null": lambda a: None,
            "text_in": lambda a: ["x"] + a[1:],
            "null_in": lambda a: [None] + a[1:],
            "nested": lambda a: [[1]] + a[1:],
            "object": lambda a: {"0": 1},
        }
        for what, change in changes.items():
            out.model(f"{key}_{what}", "regression",
                      lambda d, k=key, c=change: tree(d).update(
                          {k: c(tree(d)[k])}))
    for key in ("left_children", "split_conditions", "split_indices",
                "default_left", "base_weights", "sum_hessian"):
        out.model(f"{key}_gone", "regression",
                  lambda d, k=key: tree(d).pop(k) and None)


def categories(out):
    values = {
        "categories": (-1, -1000, 2 ** 24, 2 ** 28, I32, -2 ** 31),
        "categories_segments": (-1, 5, 100, 10 ** 9, 2 ** 40, -2 ** 40),
        "categories_sizes": (0, -1, 99, 10 ** 9, 2 ** 40, 2 ** 62),
        "categories_nodes": (-1, 99, 10 ** 6, I32),
    }
    for key, some in values.items():
        for value in some:
            out.model(f"{key}_{value}", "categorical", of_tree(key, 0, value))
        out.model(f"{key}_empty", "categorical",
                  lambda d, k=key: tree(d).update({k: []}))
        out.model(f"{key}_twice", "categorical",
                  lambda d, k=key: tree(d).update({k: tree(d)[k] * 2}))
    for value in (2, 9, -1):
        out.model(f"split_type_{value}", "categorical",
                  of_tree("split_type", 0, value))
    out.model("split_type_all", "categorical",
              lambda d: tree(d).update(
                  split_type=[1] * len(tree(d)["split_type"])))
    out.model("split_type_none", "categorical",
              lambda d: tree(d).update(
                  split_type=[0] * len(tree(d)["split_type"])))
    for i, cats in enumerate((1, [], {"enc": [1]}, {"evil": []},
                              {"enc": [{}], "feature_segments": [0, 9]})):
        out.model(f"cats_{i}", "regression", of_body(cats, "cats"))


def boosters(out):
    """Weights of dart and linear models."""
    weights = ("learner", "gradient_booster", "weight_drop")
    for i, value in enumerate(([1.0], [], ["a"], None, "x", [1e39])):
        out.model(f"dart_weights_{i}", "dart", put(value, *weights))
        out.model(f"linear_weights_{i}", "linear", of_body(value, "weights"))
    for value in ("1", "1000000", "2000000000"):
        out.model(f"linear_features_{value}", "linear",
                  put(value, "learner", "learner_model_param", "num_feature"))
        out.model(f"linear_classes_{value}", "linear",
                  put(value, "learner", "learner_model_param", "num_class"))
    out.model("dart_without_trees", "dart",
              drop("learner", "gradient_booster", "gbtree"))


# --- around the trees --------------------------------------------------------------

def structure(out):
    booster = ("learner", "gradient_booster")
    changes = {
        "no_learner": lambda d: {"version": [1, 7, 4]},
        "learner_array": put([1], "learner"),
        "no_objective": drop("learner", "objective"),
        "objective_unknown": put("evil:objective", "learner", "objective",
                                 "name"),
        "objective_softprob": put(
            {"name": "multi:softprob",
             "softmax_multiclass_param": {"num_class": "1000"}},
            "learner", "objective"),
        "booster_unknown": put("evil", *booster, "name"),
        "no_booster": drop(*booster),
        "booster_null": put(None, *booster),
        "no_model": drop(*booster, "model"),
        "no_parameters": drop("learner", "learner_model_param"),
        "no_version": drop("version"),
        "version_negative": put([-1, 0, 0], "version"),
        "version_short": put([1], "version"),
        "version_text": put("1.7.4", "version"),
        "version_huge": put([10 ** 6, 0, 0], "version"),
        "names_many": put(["a"] * 10000, "learner", "feature_names"),
        "names_numbers": put([1], "learner", "feature_names"),
        "names_nul": put(["a\0b"] * 6, "learner", "feature_names"),
        "types_unknown": put(["evil"] * 6, "learner", "feature_types"),
        "attributes_number": put({"a": 1}, "learner", "attributes"),
    }
    for name, change in changes.items():
        out.model(name, "regression", change)
    count = int(out.seeds["regression"]["learner"]["learner_model_param"]
                ["num_feature"])
    for name, names in (("names_same", ["a"] * count),
                        ("names_empty", [""] * count),
                        ("names_long", ["a" * 10 ** 6] * count)):
        out.model(name, "regression", put(names, "learner", "feature_names"))


def json_text(out):
    """What is no JSON, or too much of it."""
    base = json.dumps(out.seeds["regression"], separators=(",", ":"))
    for depth in (17, 1000, 100000, 1000000):
        out.text(f"deep_array_{depth}",
                 '{"learner":' + "[" * depth + "]" * depth + "}")
        out.text(f"deep_object_{depth}",
                 '{"learner":' + '{"a":' * depth + "1" + "}" * depth + "}")
        out.text(f"deep_unused_{depth}",
                 base[:-1] + ',"x":' + "[" * depth + "]" * depth + "}")
    out.text("open_arrays", "[" * 1000000)
    out.text("many_members", "{" + ",".join(f'"{i}":0'
                                            for i in range(300000)) + "}")
    out.text("many_same", "{" + ",".join('"a":0'
                                         for i in range(300000)) + "}")
    out.text("many_objects", '{"learner":[' + ",".join(["{}"] * 10 ** 6) +
             "]}")
    out.text("many_numbers", '{"learner":[' + ",".join(["0"] * 3000000) +
             "]}")
    out.text("long_string", '{"learner":"' + "a" * 2 * 10 ** 7 + '"}')
    out.text("long_escapes", '{"learner":"' + "\\u00e9" * 3 * 10 ** 6 + '"}')
    out.text("long_integer", '{"learner":' + "9" * 10 ** 6 + "}")
    out.text("long_fraction",
             base.replace('"split_conditions":[',
                          '"split_conditions":[1.' + "1" * 10 ** 6 + ",", 1))
    out.text("blanks", " " * 10 ** 7)
    for name, text in {
            "empty": "", "blank": " ", "brace": "{", "brace_quote": '{"',
            "open_string": '{"learner":"' + "a" * 100,
            "nul": b'{"learner":\0}', "number_end": '{"learner":1',
            "minus": '{"learner":-', "same_key": base[:-1] + ',"learner":{}}',
            "surrogate": base.replace('"version"', '"\\ud800"', 1),
            "escaped_nul": base.replace('"version"', '"version\\u0000"', 1),
            "latin1": base.encode().replace(b'"version"', b'"versi\xf3n"', 1),
            "garbage_after": base + "garbage", "two": base + base,
            "array": "[]", "number": "1", "text": '"model"',
            "comma": base[:-1] + ",}", "bom": "\ufeff" + base,
            "utf16": base.encode("utf-16")}.items():
        out.text(name, text)
    for cut in range(0, len(base), 211):
        out.text(f"cut_json_{cut}", base[:cut])


def ubj_bytes(out):
    """Lengths, counts and nesting that UBJ only claims."""
    def length(n):
        return b"L" + struct.pack(">q", n)

    key = b"{" + length(7) + b"learner"
    claims = {"negative": -1, "least": -2 ** 63, "100": 100, "1M": 10 ** 6,
              "1G": 2 ** 30, "16G": 2 ** 34, "1T": 2 ** 40,
              "most": 2 ** 63 - 1, "quarter": 2 ** 61, "eighth": 2 ** 60}
    for name, n in claims.items():
        out.bytes(f"ubj_key_{name}", b"{" + length(n) + b"learner")
        out.bytes(f"ubj_string_{name}", key + b"S" + length(n) + b"abc}")
        out.bytes(f"ubj_counted_{name}",
                  key + b"[#" + length(n) + b"Z" * 16 + b"}")
        for kind in (b"d", b"U", b"l", b"L", b"S", b"{", b"Q"):
            out.bytes(f"ubj_typed_{kind.hex()}_{name}",
                      key + b"[$" + kind + b"#" + length(n) + b"\0" * 16 +
                      b"}")
    for depth in (1000, 400000):
        out.bytes(f"ubj_deep_{depth}", key + b"[" * depth)
        out.bytes(f"ubj_deep_object_{depth}",
                  key + (b"{" + length(1) + b"a") * depth)
    out.bytes("ubj_many", key + b"[" + b"Z" * 5000000 + b"]}")
    out.bytes("ubj_many_objects", key + b"[" + b"{}" * 2000000 + b"]}")
    out.bytes("ubj_open", b"{" + length(0))
    out.bytes("ubj_open_array", key + b"[")
    out.bytes("ubj_zeros", b"{" + b"\0" * 64)
    out.bytes("ubj_marker", key + b"Q}")
    out.bytes("ubj_false", key + b"F}")
    for name in ("binary.ubj", "dart.ubj", "categorical_ubj.ubj"):
        data = out.raw[name]
        for cut in range(0, len(data), 307):
            out.bytes(f"cut_{name}_{cut}", data[:cut])
        out.bytes(f"after_{name}", data + b"\0")


def old_binary(out):
    """The format of releases before 1.0, with and without its mark."""
    header = struct.pack("<fIiiiII", 0.5, 6, 0, 0, 0, 1, 7) + b"\0" * 100
    text = b"".join(struct.pack("<Q", len(s)) + s
                    for s in (b"reg:linear", b"gbtree"))
    out.bytes("binary_marked", b"binf" + header + text)
    out.bytes("binary_plain", header + text)
    out.bytes("pickle", b"\x80\x04\x95" + b"\0" * 200)
    out.bytes("gzip", b"\x1f\x8b\x08" + b"\0" * 200)


def chance(out, count):
    """Bytes changed, inserted and taken out at random."""
    rng = random.Random(20)
    names = sorted(out.raw)
    for i in range(count):
        data = bytearray(out.raw[names[i % len(names)]])
        for _ in range(rng.choice((1, 1, 2, 5, 20))):
            at = rng.randrange(len(data))
            how = rng.randrange(4)
            if how == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                data[at] = rng.randrange(256)
            elif how == 2:
                del data[at:at + rng.randrange(1, 9)]
            else:
                data[at:at] = data[at:at + rng.randrange(1, 99)]
        out.bytes(f"random_{i}", bytes(data))


def main():
    models, folder = map(pathlib.Path, sys.argv[1:3])
    folder.mkdir(exist_ok=True)
    out = Writer(models, folder)
    for write in (links, sizes, arrays, categories, boosters, structure,
                  json_text, ubj_bytes, old_binary):
        write(out)
    chance(out, 400)
    print(len(list(folder.iterdir())))


if __name__ == "__main__":
    main()
