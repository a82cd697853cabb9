# SPDX-License-Identifier: Apache-2.0
"""The library that was just built, unless COCOS_LIBRARY names another."""

import os
import pathlib

root = pathlib.Path(__file__).resolve().parents[3]
built = pathlib.Path(os.environ.get("COCOS_BUILD_ROOT", root / "build")) / "libcocos" / "libcocos.so.0"
if built.exists():
    os.environ.setdefault("COCOS_LIBRARY", str(built))
