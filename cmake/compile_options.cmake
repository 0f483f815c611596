# Every target of ours links glossa_options.
add_library(glossa_options INTERFACE)
# -ffp-contract=off: the compiler may not fuse a multiply and an add on its own, so results do not depend on
# how a loop was unrolled; kernels ask for fused multiply-adds explicitly.
target_compile_options(glossa_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -ffp-contract=off
  -pthread) # which some libraries ask for: precompiled headers want it everywhere or nowhere
# g++ 12 warns of overlapping copies in "literal" + std::string at -O3, where there are none.
target_compile_options(glossa_options INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>)
# Precompiled headers that ccache can tell to be the same.
target_compile_options(glossa_options INTERFACE "$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
if(GLOSSA_WARNINGS_AS_ERRORS)
  target_compile_options(glossa_options INTERFACE -Werror)
else() # at -O3 g++ 12 sees more of them in the standard library, once its headers are precompiled
  target_compile_options(glossa_options INTERFACE
    "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-array-bounds;-Wno-stringop-overflow>")
endif()
if(GLOSSA_SANITIZE)
  add_compile_options(-fsanitize=${GLOSSA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(GLOSSA_SANITIZE MATCHES "undefined")
    # A quarter of the compiler's time, for accesses that end the program under AddressSanitizer, too, and for casts of
    # classes, of which there are few.
    add_compile_options(-fno-sanitize=null,object-size,vptr)
  endif()
  add_link_options(-fsanitize=${GLOSSA_SANITIZE})
endif()
