"""Whether an environment has no NVIDIA package but those that its torch requires, by pip's metadata.

usage: requirements.py SITE-PACKAGES. torch requires cuda-toolkit with extras, a package that is empty but for what each extra
requires; pip fetches it.
"""

import importlib.metadata
import re
import subprocess
import sys
import tempfile

site = sys.argv[1]
installed = {d.metadata["Name"].lower().replace("_", "-"): d for d in importlib.metadata.distributions(path=[site])}
required, toolkit = set(), None
for line in installed["torch"].requires or []:
    name = re.match(r"[\w.-]+", line)[0].lower().replace("_", "-")
    required.add(name)
    if name == "cuda-toolkit":
        toolkit = re.match(r"cuda-toolkit\[([\w,-]+)\]\s*(==\s*[\w.]+)", line).groups()
if toolkit:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "install", "--no-deps", "--target",
                        folder, "cuda-toolkit" + toolkit[1].replace(" ", "")], check=True)
        extras = set(toolkit[0].split(","))
        for line in next(iter(importlib.metadata.distributions(name="cuda-toolkit", path=[folder]))).requires:
            extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
            if extra and extra[1] in extras:
                required.add(re.match(r"[\w.-]+", line)[0].lower().replace("_", "-"))
nvidia = {name for name in installed if name.startswith("nvidia-")}
print(f"torch {installed['torch'].version}: {', '.join(sorted(nvidia)) or 'no NVIDIA package'} of what it requires")
if nvidia - required:
    sys.exit(f"FAILED torch does not require {', '.join(sorted(nvidia - required))}: fetch this environment anew")
