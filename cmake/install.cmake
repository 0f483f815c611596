# cmake --install: the program, the shared library, its headers and the package for find_package(glossa).
