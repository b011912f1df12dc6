# SPDX-License-Identifier: Apache-2.0
"""Remembers the checkout that the package is installed from: its build of the program is the one to run."""
import pathlib

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildPy(build_py):
    def run(self):
        super().run()
        checkout = pathlib.Path(__file__).resolve().parents[1]
        if not self.dry_run and not self.editable_mode:
            pathlib.Path(self.build_lib, "flowtap", "_checkout.py").write_text(f"PATH = {str(checkout)!r}\n")


setup(cmdclass={"build_py": BuildPy})
