# SPDX-License-Identifier: MIT
"""The binding for Python against the headers, and what it does with the demonstration model.

    python.py layouts CXX    structs, enums and prototypes, as a compiler for C++ sees them
    python.py use            on a device
"""
import ctypes
import gc
import os
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "docs/examples"))
import dsvk  # noqa: E402

DEMO = os.path.join(ROOT, "models/demo")
ANSWER = ("MLA is multi-head latent attention. It stores one small latent vector per token instead of "
          "full keys and values, so the cache stays small.")

# ---- layouts ----

PROBE = """
#include <dsvk/dsvk.h>
#include <cstdio>
#include <type_traits>
template <class T> void code()
{
    char kind = std::is_pointer<T>::value ? 'p' : std::is_same<T, bool>::value ? 'b' :
        std::is_floating_point<T>::value ? 'f' : std::is_class<T>::value ? 's' :
        std::is_array<T>::value ? 'a' : std::is_enum<T>::value || std::is_signed<T>::value ? 'i' : 'u';
    printf(" %c%d", kind, (int)sizeof(T));
}
template <> void code<void>() { printf(" none"); }
template <class R, class... A> void function(const char *name, R (*)(A...))
{
    printf("%s", name);
    code<R>();
    int all[] = { 0, (code<A>(), 0)... };
    (void)all;
    printf("\\n");
}
int main()
{
"""


def code(kind):
    if kind is None:
        return "none"
    size = ctypes.sizeof(kind)
    if issubclass(kind, ctypes.Structure):
        return "s%d" % size
    if issubclass(kind, ctypes.Array):
        return "a%d" % size
    letters = {"?": "b", "f": "f", "d": "f", "i": "i"}
    letters.update({letter: "u" for letter in "BILQ"})
    return "%s%d" % (letters.get(getattr(kind, "_type_", None), "p"), size)


def classes(base):
    return sorted((name, kind) for name, kind in vars(dsvk).items()
                  if name.startswith("dsvk_") and isinstance(kind, type) and issubclass(kind, base))


def layouts(compiler):
    """What the compiler says of each thing that the binding has, line by line, and the binding."""
    source, expected = PROBE, []
    for name, kind in classes(ctypes.Structure):
        source += 'printf("%s %%d\\n", (int)sizeof(%s));\n' % (name, name)
        expected.append("%s %d" % (name, ctypes.sizeof(kind)))
        for field, member in kind._fields_:
            source += 'printf("%s.%s %%d", (int)offsetof(%s, %s)); code<decltype(%s::%s)>(); puts("");\n' % (
                name, field, name, field, name, field)
            expected.append("%s.%s %d %s" % (name, field, getattr(kind, field).offset, code(member)))
    for _, kind in classes(dsvk.IntEnum):
        for entry in kind:
            source += 'printf("%s %%d\\n", (int)DSVK_%s);\n' % (entry.name, entry.name)
            expected.append("%s %d" % (entry.name, entry.value))
    for name, result, *arguments in dsvk.PROTOTYPES:
        source += 'function("%s", %s);\n' % (name, name)
        expected.append(" ".join([name] + [code(kind) for kind in [result] + arguments]))
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "probe")
        subprocess.run([compiler, "-std=c++11", "-I" + os.path.join(ROOT, "include"), "-x", "c++",
                        "-", "-c", "-o", program + ".o"], input=source + "}\n", check=True,
                       universal_newlines=True)
        subprocess.run([compiler, program + ".o", os.environ["DSVK_LIBRARY"], "-o", program,
                        "-Wl,-rpath," + os.path.dirname(os.environ["DSVK_LIBRARY"])], check=True)
        said = subprocess.run([program], stdout=subprocess.PIPE, check=True,
                              universal_newlines=True).stdout.splitlines()
    for a, b in zip(said, expected):
        assert a == b, "the headers have %r, dsvk.py has %r" % (a, b)
    assert len(said) == len(expected) > 300
    print("%d layouts, values and prototypes" % len(said))


# ---- use ----


def raises(kind, function, *arguments, **keywords):
    try:
        function(*arguments, **keywords)
    except kind as error:
        return error
    raise AssertionError("no %s" % kind.__name__)


def answers(model):
    session = model.session(context=512)
    pieces = list(session.ask("What is MLA?"))
    assert "".join(pieces) == ANSWER and len(pieces) > 10, pieces
    assert session.end == dsvk.dsvk_end.END_TOKEN
    n = len(session.ids)
    assert "".join(session.ask("Thank you!")).startswith("You are welcome!")
    assert len(session.ids) > n
    # Left after the first piece; what was taken stays, and the session can be asked again.
    for _ in session.ask("What is MLA?"):
        break
    assert session.end == dsvk.dsvk_end.END_TAKER
    assert session.sync(model.chat([{"role": "user", "content": "What is MLA?"}])).generate() == ANSWER
    return session


def samples(session, ids):
    def drawn(seed):
        return session.sync(ids).generate(temperature=1.5, top_p=0.99, seed=seed, limit=30)
    assert drawn(7) == drawn(7)
    assert len({drawn(seed) for seed in range(4)}) > 1
    assert session.sync(ids).generate(stop_texts=["latent"]) == ANSWER[:ANSWER.index("latent")]
    assert session.end == dsvk.dsvk_end.END_STOP_TEXT
    short = session.sync(ids).generate(limit=3)
    assert short and ANSWER.startswith(short) and session.end == dsvk.dsvk_end.END_LIMIT


def fails(model, session, ids):
    error = raises(dsvk.Error, dsvk.Model, "/nowhere")
    assert error.status == dsvk.dsvk_status.BAD_FILE and "/nowhere/config.json" in str(error)
    error = raises(dsvk.Error, session.sync, [1 << 30])
    assert error.status == dsvk.dsvk_status.BAD_ARGUMENT and str(1 << 30) in str(error), error
    raises(TypeError, session.generate, temperatur=1)
    stop = dsvk.Stop()
    stop.set()
    raises(dsvk.Cancelled, session.sync, ids, stop=stop)
    session.sync(ids)
    raises(dsvk.Cancelled, lambda: list(session.stream(stop=stop)))
    stop.set(False)
    # From another thread, once the first piece is there.
    first = threading.Event()
    other = threading.Thread(target=lambda: (first.wait(60), stop.set()))
    other.start()
    session.sync(ids)
    raises(dsvk.Cancelled, session.generate, lambda text: (first.set(), other.join()), stop=stop)
    # What a callback raises ends the call and comes out of it.
    raises(ZeroDivisionError, session.sync(ids).generate, lambda text: 1 / 0)
    raises(dsvk.Busy, session.sync(ids).generate, lambda text: session.sync(ids))
    assert session.sync(ids).generate() == ANSWER


def use():
    device = dsvk.Device(os.environ.get("DSVK_TEST_DEVICE"))
    assert device.info.usable and any(d.uuid == device.info.uuid for d in dsvk.devices())
    model = dsvk.Model(DEMO)
    plan = model.plan(device, context=512)
    assert plan.fits and not model.plan(memory_limit=1 << 20, context=512).fits
    told = []
    model.load(device, progress=lambda done, total: told.append((done, total)), context=512)
    assert told[0][0] == 0 and told[-1][0] == told[-1][1] > 0
    assert model.info.architecture == b"deepseek_v3"
    assert model.tokenize("Größe 你好") and raises(dsvk.Error, model.load, device).status
    session = answers(model)
    assert plan.device_bytes == device.bytes, (plan.device_bytes, device.bytes)
    ids = model.chat([{"role": "user", "content": "What is MLA?"}])
    samples(session, ids)
    fails(model, session, ids)
    # In any order, whoever goes first.
    device.close()
    model.close()
    session.close()
    del device, model, session
    gc.collect()
    print("used")


def main():
    if sys.argv[1:2] == ["layouts"]:
        layouts(sys.argv[2])
    elif sys.argv[1:] == ["use"]:
        use()
    else:
        sys.exit(__doc__)


main()
