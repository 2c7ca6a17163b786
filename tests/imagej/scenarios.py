"""What a Python script does with ImageJ in its own process: each scenario is a program, because a JVM starts only once.

``python scenarios.py NAME {"json": "arguments"}`` prints what there was to see as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jpype
import numpy as np
import psutil
import scyjava
import scyjava.config

import ijbridge
import ijbridge.imagej
from ijbridge.errors import IJBridgeError, RunError
from ijbridge.imagej import buffers, memory, session
from ijbridge.imagej.java_values import to_python

#: The ImageJ that the plugin was built with.
PLAIN = "net.imagej:ij"


def init(imagej: str = PLAIN, java_options: Sequence[str] = ()) -> Any:
    """Start an ImageJ with windows."""
    return ijbridge.imagej.init(imagej, mode="interactive", java_options=java_options)


def macros(folder: str, model: str, picture: str) -> dict[str, Any]:
    """Run a model with its macros from Python: where there is no ImageJ yet, where there is, and after a macro has changed."""
    seen: dict[str, Any] = {}

    def predict(name: str, image: Any) -> None:
        try:
            result = ijbridge.predict(model, image, macros="run", output="xarray")
            np.save(Path(folder) / f"{name}.npy", result.values)
            seen[name] = [result.name or "", result.attrs["provenance"]["macros"]]
        except IJBridgeError as error:
            seen[name] = [type(error).__name__, str(error)]

    predict("without", picture)
    ij = init()
    predict("of a file", picture)
    seen["planned"] = [one.id for one in ijbridge.plan(model, picture, macros="run").findings]
    ij.run_macro(f'open("{picture}");')
    predict("of an ImagePlus", ij.active_image())
    seen["open"] = [str(ij.run_macro('return getTitle() + " " + nImages + " " + bitDepth();'))]
    with Path(model, "preprocessing.txt").open("a") as file:
        file.write("// more")
    predict("changed", picture)
    return seen


def pictures(folder: str, models: dict[str, str]) -> dict[str, Any]:
    """Run each model on its picture by the macro command and by Python on the ImagePlus, and show Python's result."""
    place = Path(folder)
    ij = init(java_options=[f"-Dijbridge.log={place / 'ijbridge.log'}"])
    seen: dict[str, Any] = {}
    for name, model in models.items():
        path = place / f"{name}.tif"
        ij.run_macro(
            f'open("{path}"); run("Run Model...", "model=[{model}] tile=32"); saveAs("Tiff", "{place}/{name}-host.tif");'
        )
        ij.run_macro(f'close("*"); open("{path}");')
        image = ijbridge.imagej.to_xarray(ij.active_image())
        np.save(place / f"{name}-image.npy", image.values)
        result = ijbridge.predict(model, ij.active_image(), tile=32, output="xarray")
        np.save(place / f"{name}-api.npy", (next(iter(result.values())) if isinstance(result, dict) else result).values)
        result = ijbridge.predict(model, ij.active_image(), tile=32)
        shown = [*(result.values() if isinstance(result, dict) else [result])]
        for one in reversed(shown):
            one.show()
        # the window shown first may be told late that it was activated, after the last one
        late = time.monotonic() + 20
        while str(ij.active_image().getTitle()) != str(shown[0].getTitle()) and time.monotonic() < late:
            time.sleep(0.1)
        seen[name] = {
            "header": [
                "".join(map(str, image.dims)),
                image.attrs["pixel_size"],
                image.attrs["unit"],
                image.attrs["origin"],
                image.name,
            ],
            "channels": [str(one) for one in image.coords["c"].values] if "c" in image.coords else [],
            "titles": ij.run_macro('return String.join(getList("image.titles"), "|");').split("|"),
            "active": ij.run_macro("return getTitle();"),
            "info": ij.run_macro('return getMetadata("Info");'),
            "corner": ij.run_macro('x = 0; y = 0; toScaled(x, y); return "" + x + " " + y;'),
            "size": ij.run_macro('getVoxelSize(x, y, z, unit); return "" + x + " " + y + " " + z + " " + unit;'),
        }
        ij.run_macro(f'saveAs("Tiff", "{place}/{name}-shown.tif");')
        # a slice that is left and looked at again is read from the stack, which of a virtual one is the file
        edit = "setSlice(nSlices); setPixel(2, 1, 77); setSlice(1); setSlice(nSlices);"
        seen[name]["edited"] = ij.run_macro(f'{edit} v = getPixel(2, 1); close("*"); return "" + v;')
    return seen


def scijava(folder: str, models: dict[str, str], jars: list[str], no_model: str, finder: str) -> dict[str, Any]:
    """Run the command without a display in a JVM and a SciJava context that know nothing of the plugin."""
    place = Path(folder)
    for jar in jars:
        jpype.addClassPath(jar)
    scyjava.config.set_java_constraints(fetch="auto")  # the one that is installed
    scyjava.config.enable_headless_mode()
    scyjava.config.add_option(f"-Dijbridge.log={place / 'ijbridge.log'}")
    scyjava.start_jvm()
    gateway = jpype.JClass("org.scijava.SciJava")(jpype.JClass("org.scijava.command.CommandService"))
    assert ijbridge.imagej.attach(gateway) is gateway
    commands, command = gateway.command(), jpype.JClass("org.ijbridge.RunModelCommand")
    opener, saver = jpype.JClass("ij.io.Opener")(), jpype.JClass("ij.io.FileSaver")

    def run(path: Path, **given: Any) -> Any:
        inputs = jpype.JClass("java.util.HashMap")()
        for key, value in {"image": opener.openImage(str(path)), **given}.items():
            inputs.put(key, value)
        return commands.run(command, True, inputs).get()

    seen: dict[str, Any] = {"listed": commands.getCommand(command) is not None, "results": {}}
    for name, model in models.items():
        module = run(place / f"{name}.tif", model=model, tile="32")
        saver(module.getOutput("result")).saveAsTiff(str(place / f"{name}-scijava.tif"))
        seen["results"][name] = [str(one.getTitle()) for one in module.getOutput("results")]
    buffers.STEP = 1000  # as if these pictures were larger than what a buffer of Java's can hold
    for name, model in models.items():
        result = run(place / f"{name}.tif", model=model, tile="32").getOutput("result")
        saver(result).saveAsTiff(str(place / f"{name}-pieces.tif"))
        image = ijbridge.imagej.to_xarray(result)
        saver(ijbridge.imagej.to_imageplus(image)).saveAsTiff(str(place / f"{name}-again.tif"))
        image = ijbridge.imagej.to_xarray(opener.openImage(str(place / f"{name}.tif")))
        backwards = image.transpose(*reversed(image.dims))
        saver(ijbridge.imagej.to_imageplus(backwards)).saveAsTiff(str(place / f"{name}-same.tif"))
    try:
        run(place / f"{next(iter(models))}.tif", model=no_model)
    except jpype.JException as error:
        seen["refused"] = list(_messages(error))
    seen["objects"] = {}
    for wanted in ("labels", "both", "rois"):
        module = run(place / "nuclei.tif", model=finder, objects=wanted)
        table, rois, result = (module.getOutput(one) for one in ("table", "rois", "result"))
        seen["objects"][wanted] = [
            str(result.getTitle()) if result is not None else None,
            [table.getValue("pixels", row) for row in range(table.size())],
            [str(one.getName()) for one in rois] if rois is not None else None,
        ]
    nuclei = opener.openImage(str(place / "nuclei.tif"))
    labels = ijbridge.predict(finder, nuclei, objects="both")
    seen["python"] = [str(labels.getClass().getName()), float(labels.getProcessor().getMax())]
    seen["listed_objects"] = len(ijbridge.predict(finder, nuclei, objects="rois"))
    module = run(place / f"{next(iter(models))}.tif", model=next(iter(models.values())))
    seen["tile_afterwards"] = str(module.getOutput("result").getInfoProperty())
    return seen


def _messages(error: Any) -> Iterator[str]:
    while error is not None:
        yield str(error.getMessage())
        error = error.getCause()


def cancelling(model: str) -> dict[str, Any]:
    """Press Escape in a run, and once more while a second run waits for the first."""
    ij = init()
    java = jpype.JClass("ij.IJ")
    escape = jpype.JClass("java.awt.event.KeyEvent").VK_ESCAPE
    picture = 'newImage("picture", "8-bit random", 600, 600, 1);'
    run = f'run("Run Model...", "model=[{model}] tile=64");'
    seen: dict[str, Any] = {}

    with _Watch() as seen["status"]:
        ij.run_macro(f"{picture} {run}")
    seen["title"] = ij.run_macro('t = getTitle(); close("*"); return t;')

    with _Watch("Running picture: ", lambda: java.setKeyDown(escape)) as seen["until_cancelled"]:
        seen["cancelled"] = _refused(lambda: ij.run_macro(f'{picture} {run} print("NOT REACHED");'))
    seen["log"] = str(java.getLog())
    seen["open"] = ij.run_macro('t = String.join(getList("image.titles"), "|"); close("*"); return t;')

    # one Escape is for whichever run asks first, so that the other one here does not ask
    host = session._host
    assert host is not None
    done = threading.Event()
    with host._turn:
        thread = threading.Thread(target=_press_until, args=(done, lambda: java.setKeyDown(escape)))
        thread.start()
        seen["waiting"] = _refused(lambda: ij.run_macro(f"{picture} {run}"))
        done.set()
        thread.join()

    with _Watch("Running picture: ", lambda: os.kill(os.getpid(), signal.SIGINT)) as seen["until_interrupted"]:
        try:
            ij.run_macro(f"{picture} {run}")
        except KeyboardInterrupt:
            seen["interrupted"] = True
    seen["handler"] = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return seen


def _status() -> list[str]:
    bar = jpype.JClass("ij.IJ").getInstance().getStatusBar()
    return [str(one.getText()) for one in bar.getComponents() if hasattr(one, "getText")]


class _Watch:
    """Notes what the status line says, and does something when it says a text for the first time."""

    def __init__(self, text: str | None = None, action: Callable[[], None] = lambda: None) -> None:
        self._text, self._action = text, action
        self._seen: list[str] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> list[str]:
        jpype.JClass("ij.IJ").showStatus("nothing yet")
        while not any("nothing yet" in one for one in _status()):
            time.sleep(0.01)
        self._thread.start()
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self._seen.extend(one for one in _status() if one not in self._seen)
            if self._text is not None and any(self._text in one for one in self._seen):
                self._text = None
                self._action()


def _press_until(done: threading.Event, press: Callable[[], None]) -> None:
    while not done.wait(0.1):
        press()


def repeating(model: str, runs: int, size: int) -> dict[str, Any]:
    """Run on one image again and again, by macro and by converter; Java's heap is as large as it will be from the start."""
    ij = init(java_options=["-Xms700m", "-Xmx700m", "-XX:+AlwaysPreTouch"])
    used = psutil.Process().memory_info
    ij.run_macro(f'newImage("picture", "32-bit ramp", {size}, {size}, 1);')
    picture = ij.active_image()
    seen: dict[str, Any] = {"macro": [], "convert": []}
    for _ in range(runs):
        ij.run_macro(f'selectImage("picture"); run("Run Model...", "model=[{model}]"); close();')
        seen["macro"].append(used().rss)
    for _ in range(runs):
        image = ijbridge.imagej.to_xarray(picture)
        ijbridge.imagej.to_imageplus(image).close()
        del image
        gc.collect()
        seen["convert"].append(used().rss)
    block = memory.Block(10_000)
    buffers, pixels = block.buffers(0), np.frombuffer(block.view, np.uint8)
    pixels[:] = 7
    block.free()
    seen["left"] = [len(buffers), int(pixels.sum())]
    return seen


def dialog(python: str) -> dict[str, Any]:
    """Open the command's dialog in an ImageJ that could start a worker, and leave it again."""
    ij = init(java_options=[f"-Dijbridge.python={python}"])
    ij.run_macro('newImage("picture", "8-bit ramp", 40, 30, 1);')
    jpype.JClass("ij.IJ").doCommand("Run Model...")
    windows = jpype.JClass("java.awt.Window").getWindows
    dialogs: list[Any] = []
    until = time.monotonic() + 30
    while not dialogs and time.monotonic() < until:
        time.sleep(0.05)
        dialogs = [one for one in windows() if isinstance(one, jpype.JClass("java.awt.Dialog")) and one.isShowing()]
    time.sleep(0.5)
    started = [one.name() for one in psutil.Process().children(recursive=True)]
    event = jpype.JClass("java.awt.event.WindowEvent")
    for one in dialogs:  # left by its closing box, which cancels the command
        one.dispatchEvent(event(one, event.WINDOW_CLOSING))
    return {"dialogs": [str(one.getTitle()) for one in dialogs], "started": started}


def shared_images(folder: str, jars: list[str], models: dict[str, str], hosted: bool) -> dict[str, Any]:
    """Run models on ImgLib2's images in shared memory, with a worker or in this process; Java's heap could not hold a copy."""
    place, tilted = Path(folder), models["stack"]
    before = _segments()
    _start_with(jars, "-Xmx64m", f"-Dijbridge.log={place / 'ijbridge.log'}")
    if hosted:
        ijbridge.imagej.attach()
    seen: dict[str, Any] = {"results": {}}
    for name, axes in {"stack": "xyz", "colours": "cxy"}.items():
        with _ShmImg(np.load(place / f"{name}.npy")) as image:
            (result,) = _run_on(image.img, axes, models[name], tile="32")
            np.save(place / f"{name}-result.npy", _pixels(result.img()))
            at = [[2, 3, 1], [5, 7, 0]] if name == "stack" else [[0, 4, 6]]
            seen["results"][name] = {
                "header": [str(result.axes()), str(result.name()), *map(to_python, (result.pixelSizes(), result.units()))],
                "provenance": str(result.provenance()),
                "at": [[*one, float(result.img().getAt(jpype.JArray(jpype.JInt)(one)).getRealDouble())] for one in at],
            }
            result.img().close()
    server = psutil.Process() if hosted else psutil.Process().children()[0]
    with _ShmImg(np.ones((30, 1000, 1000), np.float32)) as image:
        held = server.memory_info().rss
        Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the peak counts from now on
        (result,) = _run_on(image.img, "xyz", tilted, tile="256")
        peak = int(Path(f"/proc/{server.pid}/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
        seen["grown"] = (peak - held) / image.pixels.nbytes
        result.img().close()
    seen["live"] = _while_it_runs(place, models["slow"])
    seen["refused"] = _refused_images(tilted)
    seen["left"] = sorted(_segments() - before)
    return seen


def _while_it_runs(place: Path, model: str) -> dict[str, Any]:
    """Change the last plane as soon as something of the result is there to be seen."""
    picture = np.load(place / "slow.npy")
    results: list[Any] = []
    with _ShmImg(picture) as image:
        before = _segments()
        run = threading.Thread(target=lambda: results.extend(_run_on(image.img, "xyz", model)))
        run.start()
        found: Path | None = None
        while run.is_alive() and found is None:
            time.sleep(0.01)
            new = _segments() - before
            found = next((Path("/dev/shm") / one for one in new if _has_begun(Path("/dev/shm") / one)), None)
        image.pixels[-1] = picture[0]
        ran_on = run.is_alive()
        run.join()
        np.save(place / "live.npy", _pixels(results[0].img()))
        seen = {"ran_on": ran_on, "seen": found and found.name, "name": str(results[0].img().ndArray().shm().name())}
        results[0].img().close()
    return seen


def _has_begun(segment: Path) -> bool:
    return segment.read_bytes().strip(b"\0") != b""


def _refused_images(model: str) -> dict[str, str]:
    heap = jpype.JClass("net.imglib2.img.array.ArrayImgs").floats(jpype.JArray(jpype.JLong)([4, 3]))
    large = _shm_img((20000, 30000), "integer.UnsignedByteType")  # nothing of it is ever touched
    with _ShmImg(np.ones((30, 40), np.float32)) as small, _ShmImg(np.full((30, 40), np.nan, np.float32)) as unknown:
        seen = {
            "heap": _sentence(lambda: _run_on(heap, "xy", model)),
            "axes": _sentence(lambda: _run_on(small.img, "xq", model)),
            "roi": _sentence(lambda: _run_on(small.img, "xy", model, roi="crop")),
            "model": _sentence(lambda: _run_on(small.img, "xy", "/no/such model.zip")),
            "nan": _sentence(lambda: _run_on(unknown.img, "xy", model)),
            "large": _sentence(lambda: _run_on(large, "xy", model)),
        }
        around = {"getImg": lambda: small.img, "numDimensions": lambda: 2}
        wrapped = jpype.JProxy(["net.imglib2.img.WrappedImg", "net.imglib2.RandomAccessibleInterval"], dict=around)
        seen["wrapped"] = _sentence(lambda: _run_on(wrapped, "xy", model)[0].img().close())
    large.close()
    return seen


def little_memory(folder: str, jars: list[str], model: str) -> dict[str, Any]:
    """Run where shared memory holds the image, but not its result."""
    _start_with(jars, f"-Dijbridge.log={Path(folder) / 'ijbridge.log'}")
    before = _segments()
    with _ShmImg(np.ones((2000, 1000), np.float32)) as image:
        sentence = _sentence(lambda: _run_on(image.img, "xy", model))
    return {"refused": sentence, "left": sorted(_segments() - before)}


def _start_with(jars: list[str], *options: str) -> None:
    jpype.startJVM("-Djava.awt.headless=true", f"-Dijbridge.python={sys.executable}", *options, classpath=jars)


def _segments() -> set[str]:
    return {one.name for one in Path("/dev/shm").iterdir() if one.name.startswith("psm_")}


def _shm_img(shape: tuple[int, ...], kind: str) -> Any:
    sizes = jpype.JArray(jpype.JInt)(list(reversed(shape)))
    return jpype.JClass("net.imglib2.appose.ShmImg")(jpype.JClass(f"net.imglib2.type.numeric.{kind}")(), sizes)


def _pixels(img: Any) -> np.ndarray[Any, Any]:
    array = img.ndArray()
    order = jpype.JClass("org.apposed.appose.NDArray$Shape$Order").C_ORDER
    return np.frombuffer(memoryview(array.buffer()), str(array.dType().label())).reshape(array.shape().toIntArray(order))


class _ShmImg:
    """An image in shared memory, as ImgLib2 and as numpy sees it."""

    def __init__(self, picture: np.ndarray[Any, Any]) -> None:
        kind = {"float32": "real.FloatType", "uint8": "integer.UnsignedByteType"}[picture.dtype.name]
        self.img = _shm_img(picture.shape, kind)
        self.pixels = _pixels(self.img)
        self.pixels[...] = picture

    def __enter__(self) -> _ShmImg:
        return self

    def __exit__(self, *_: object) -> None:
        self.img.close()


def _run_on(img: Any, axes: str, model: str, **options: str) -> Any:
    asked = jpype.JClass("java.util.HashMap")()
    for key, value in {"model": model, **options}.items():
        asked.put(key, value)
    image = jpype.JClass("org.ijbridge.ShmImage")(img, axes, "cells")
    image.withPixelSize("x", 0.107, "µm").withPixelSize("y", 0.2, "µm")
    return jpype.JClass("org.ijbridge.RunModelOnShm").run(image, asked)


def _sentence(call: Callable[[], Any]) -> str:
    try:
        call()
    except jpype.JException as error:
        return f"{type(error).__name__}: {error.getMessage()}"
    return "not refused"


def foreign(folder: str, model: str) -> dict[str, Any]:
    """Run in an ImageJ that has no plugin of ours in its folder, before and after its menus are made anew."""
    ij = init(folder)
    run = f'newImage("picture", "8-bit ramp", 40, 30, 1); run("Run Model...", "model=[{model}]"); return getTitle();'
    titles = [ij.run_macro(run), ij.run_macro('run("Refresh Menus");' + run)]
    return {"titles": titles, "plugins": sorted(str(one) for one in Path(folder).rglob("*.jar"))}


def failing(folder: str, model: str) -> dict[str, Any]:
    """Meet what can go wrong between Java and Python."""
    import resource  # what a process may have is limited on Linux and macOS only

    seen: dict[str, Any] = {}
    seen["no_jvm"] = _refused(lambda: ijbridge.imagej.to_imageplus(np.zeros((3, 4), np.float32)))
    seen["no_attach"] = _refused(ijbridge.imagej.attach)
    seen["no_imagej"] = _refused(lambda: ijbridge.imagej.init(f"{folder}/nothing"))
    seen["no_jar"] = _refused(lambda: ijbridge.imagej.init(folder))
    seen["no_mode"] = _refused(lambda: ijbridge.imagej.init(PLAIN, mode="batch"))
    ij = init()
    seen["same"] = isinstance(ijbridge.imagej.attach(), ijbridge.imagej.ImageJ) and ijbridge.imagej.attach(ij) is ij
    seen["second"] = _refused(lambda: ijbridge.imagej.init(PLAIN))
    seen["value"] = [ij.run_macro("x = 1;"), ij.run_macro("return getArgument();", "given"), ij.run_macro('return "";')]
    seen["stopped"] = _refused(lambda: ij.run_macro("exit();"))
    seen["five_axes"] = _refused(lambda: ijbridge.imagej.to_imageplus(np.zeros((1, 3, 4), np.float32), axes="byx"))
    coloured = 'newImage("c", "RGB", 4, 3, 1); run("Duplicate...", " "); run("Concatenate...", "all_open title=c");'
    ij.run_macro(f"{coloured} Stack.setDimensions(2, 1, 1);")
    seen["coloured"] = _refused(lambda: ijbridge.imagej.to_numpy(ij.active_image()))
    ij.run_macro('close("*"); newImage("picture", "8-bit ramp", 40, 30, 1);')
    run = f'run("Run Model...", "model=[{model}]");'
    handler = jpype.JClass("ij.IJ").getProperty("org.ijbridge.inprocess")
    objects = jpype.JClass("java.lang.Object").class_
    apply = jpype.JClass("java.util.function.BiFunction").class_.getMethod("apply", objects, objects)
    reply = apply.invoke(handler, jpype.JClass("java.util.HashMap")(), None)
    seen["defect"] = [str(reply.get("error").get("kind")), str(reply.get("error").get("message"))]
    ij.run_macro(f"{run} close();")  # what is needed once is there before memory becomes scarce
    ij.run_macro('newImage("large", "8-bit black", 10000, 10000, 1);')
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 50_000_000, before[1]))
    seen["no_memory"] = _refused(lambda: ij.run_macro(run))
    resource.setrlimit(resource.RLIMIT_AS, before)
    ij.run_macro('close("large"); selectImage("picture");')
    seen["afterwards"] = ij.run_macro(f"{run} return getTitle();")
    return seen


def _refused(call: Callable[[], Any]) -> str:
    try:
        call()
    except (IJBridgeError, RunError) as error:
        return f"{type(error).__name__}: {error}"
    return "not refused"


def threads(folder: str, model: str, jars: list[str], no_model: str, rounds: int) -> dict[str, Any]:
    """Run the command in eight threads of Java at a time, while Python's threads call Java and Java calls Python under a "
    "lock."""
    log = Path(folder) / "ijbridge.log"
    jpype.startJVM("-Djava.awt.headless=true", f"-Dijbridge.log={log}", classpath=jars, convertStrings=False)
    gateway = jpype.JClass("org.scijava.SciJava")(jpype.JClass("org.scijava.command.CommandService"))
    ijbridge.imagej.attach(gateway)
    command = jpype.JClass("org.ijbridge.RunModelCommand")
    pictures = [np.random.default_rng(one).integers(0, 256, (90, 70)).astype(np.uint8) for one in range(8)]
    images = [ijbridge.imagej.to_imageplus(one) for one in pictures]
    expected = [ijbridge.predict(model, one, tile=32).values for one in pictures]

    def start(number: int, path: str) -> Any:
        inputs = jpype.JClass("java.util.HashMap")()
        for key, value in {"image": images[number], "model": path, "tile": "32"}.items():
            inputs.put(key, value)
        return gateway.command().run(command, False, inputs)

    # a monitor of Java's that is held while Python runs, and that Python wants too
    lock = jpype.JClass("java.util.Vector")()
    lock.add(jpype.JString("one"))
    wrong: list[str] = []
    done = threading.Event()

    def held() -> None:
        def use(_: Any) -> None:
            found = ijbridge.predict(model, images[0], tile=32, output="xarray")
            if found.values.tobytes() != expected[0].tobytes():
                wrong.append("under the lock")

        proxy = jpype.JProxy("java.util.function.Consumer", dict={"accept": use})
        while not done.is_set():
            lock.forEach(proxy)

    def wanted() -> None:
        while not done.is_set():
            lock.size()
            shared = ijbridge.imagej.to_numpy(images[1])
            if shared.tobytes() != pictures[1].tobytes():
                wrong.append("to_numpy")
            jpype.JClass("java.lang.System").gc()
            gc.collect()

    others = [threading.Thread(target=one) for one in (held, wanted, wanted)]
    for one in others:
        one.start()
    right, refused = 0, []
    for _ in range(rounds):
        futures = [start(number, model) for number in range(7)]
        futures.append(start(7, no_model))
        for number, future in enumerate(futures):
            try:
                result = future.get().getOutput("result")
            except jpype.JException as error:
                refused.append(next((one for one in _messages(error) if one.startswith("There is no model")), str(error)))
            else:
                right += ijbridge.imagej.to_numpy(result).tobytes() == expected[number].astype(np.float32).tobytes()
    done.set()
    for one in others:
        one.join()
    return {"right": right, "refused": refused, "wrong": wrong, "log": log.read_text(encoding="utf-8")}


def late(model: str, jars: list[str]) -> dict[str, Any]:
    """Join an ImageJ whose Java was started without the plugin, and run its macro command, also when menus were made anew."""
    jpype.startJVM(classpath=jars, convertStrings=False)
    window = jpype.JClass("ij.ImageJ")
    window(None, window.EMBEDDED)
    ij = ijbridge.imagej.attach()
    run = f'newImage("picture", "8-bit ramp", 40, 30, 1); run("Run Model...", "model=[{model}]"); return getTitle();'
    titles = [ij.run_macro(run), ij.run_macro('run("Refresh Menus");' + run)]
    refused = _refused(lambda: ij.run_macro(run.replace(model, "/no/such.zip")))
    ijbridge.imagej.release()
    titles.append(ij.run_macro(run))
    session._close_windows()
    return {"titles": titles, "refused": refused}


def headless(model: str) -> dict[str, Any]:
    """Use a plain ImageJ without windows: images and results, and what a macro may do there."""
    ij = ijbridge.imagej.init(PLAIN)
    image = jpype.JClass("ij.IJ").createImage("picture", "16-bit ramp", 40, 30, 3)
    result = ijbridge.predict(model, image)
    return {
        "result": [type(result).__name__, str(result.getTitle()), result.getStackSize()],
        "macro": ij.run_macro("return toString(6 * 7);"),
        "command": _refused(lambda: ij.run_macro('run("Run Model...", "model=none");')),
        "active": ij.active_image() is None,
    }


def script(jars: list[str], script_path: str, model: str, image: str) -> dict[str, Any]:
    """Read a SciJava script's parameters as SciJava does, and run it by Groovy itself: its script language is not at hand."""
    jpype.startJVM("-Djava.awt.headless=true", classpath=jars, convertStrings=False)
    service = jpype.JClass("org.scijava.command.CommandService")
    gateway = jpype.JClass("org.scijava.SciJava")(service, jpype.JClass("org.scijava.script.ScriptService"))
    ijbridge.imagej.attach(gateway)
    info = jpype.JClass("org.scijava.script.ScriptInfo")(gateway.context(), jpype.JClass("java.io.File")(script_path))
    seen: dict[str, Any] = {
        "inputs": {str(one.getName()): str(one.getType().getSimpleName()) for one in info.inputs()},
        "outputs": {str(one.getName()): str(one.getType().getSimpleName()) for one in info.outputs()},
    }
    shell = jpype.JClass("groovy.lang.GroovyShell")(jpype.JClass("org.ijbridge.RunModelCommand").class_.getClassLoader())
    shell.setVariable("command", gateway.command())
    shell.setVariable("image", jpype.JClass("ij.IJ").openImage(image))
    shell.setVariable("model", jpype.JString(model))
    shell.evaluate(jpype.JClass("java.io.File")(script_path))
    seen["pixels"] = ijbridge.imagej.to_numpy(shell.getVariable("result")).tolist()
    return seen


SCENARIOS: dict[str, Callable[..., dict[str, Any]]] = {
    "macros": macros,
    "pictures": pictures,
    "scijava": scijava,
    "cancelling": cancelling,
    "repeating": repeating,
    "failing": failing,
    "foreign": foreign,
    "dialog": dialog,
    "shared_images": shared_images,
    "little_memory": little_memory,
    "threads": threads,
    "late": late,
    "script": script,
    "headless": headless,
}

if __name__ == "__main__":
    # a shell that runs the tests in the background has its children ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdout.write(json.dumps(SCENARIOS[sys.argv[1]](**json.loads(sys.argv[2]))) + "\n")
