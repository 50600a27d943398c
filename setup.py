"""The packages that a wheel holds: all below src, and conf/ and pipelines/ of the top level."""

from setuptools import find_namespace_packages, setup

setup(
    packages=[
        *find_namespace_packages("src", exclude=["*.assets"]),
        "mtnlg.conf",
        "mtnlg.pipelines",
    ]
)
