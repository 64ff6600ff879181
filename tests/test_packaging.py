"""The wheel, the sdist and an editable install each carry the package whole, templates included."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout and return what it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(kind: str, source: Path, out: Path) -> Path:
    """Build one distribution of the tree at `source`."""
    run(sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", out, source, cwd=out)
    (built,) = out.iterdir()
    return built


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def environment(at: Path, *install: str | Path) -> Path:
    """A new environment's `bin`, with the dependencies of this one and symcnn installed as told.

    A path file lends the dependencies; an editable symcnn is not lent, since its own path file is not read.
    """
    venv.create(at, with_pip=True)
    scripts = at / ("Scripts" if os.name == "nt" else "bin")
    site = run(scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=at)
    Path(site.strip(), "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = (
        scripts / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
    )
    run(*pip, *install, cwd=at)
    return scripts


def test_wheel_holds_sources_and_templates(wheel: Path) -> None:
    inside = contents(wheel)
    for folder, shipped in (("symcnn", "symcnn"), ("templates", "symcnn/_templates")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                name = f"{shipped}/{path.relative_to(ROOT / folder).as_posix()}"
                assert inside.get(name) == path.read_bytes(), f"{name} is missing from the wheel or differs"
    assert "symcnn/py.typed" in inside
    assert not [name for name in inside if not name.startswith(("symcnn/", "symcnn-"))]


def test_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    for name in ("sdist", "tree", "again"):
        (tmp_path / name).mkdir()
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "tree", filter="data")
    (tree,) = (tmp_path / "tree").iterdir()
    assert contents(build("wheel", tree, tmp_path / "again")) == contents(wheel)


@pytest.mark.parametrize("way", ["wheel", "editable"])
def test_installed_command_runs_from_another_folder(way: str, wheel: Path, tmp_path: Path) -> None:
    install = [wheel] if way == "wheel" else ["--editable", ROOT]
    scripts = environment(tmp_path / "env", *install)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = run(scripts / "python", "-c", "import symcnn; print(symcnn.__file__)", cwd=elsewhere)
    assert Path(where.strip()).is_relative_to(tmp_path if way == "wheel" else ROOT)
    assert "usage: symcnn" in run(scripts / "symcnn", "--help", cwd=elsewhere)
    models = run(scripts / "symcnn", "models", cwd=elsewhere).splitlines()
    assert "lenet5" in [line.split()[0] for line in models if line]
    run(scripts / "symcnn", "derive", "notes", "-o", "notes.html", cwd=elsewhere)
    run(scripts / "symcnn", "emit", "notes", "-o", "network.py", cwd=elsewhere)
    run(scripts / "python", "-c", "import network; network.init(seed=0)", cwd=elsewhere)
    assert "<html" in (elsewhere / "notes.html").read_text(encoding="utf-8")
