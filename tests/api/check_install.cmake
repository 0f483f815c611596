# Installs the build into WORK_DIR, moves the result to show that it can be moved, and builds the examples against it:
# through find_package(glossa) as a project of both languages and as one of C alone, and through pkg-config.
file(REMOVE_RECURSE ${WORK_DIR})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/elsewhere
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
set(prefix ${WORK_DIR}/prefix)
file(RENAME ${WORK_DIR}/elsewhere ${prefix})
foreach(file bin/glossa include/glossa/glossa.h include/glossa/recognizer.hpp ${LIBDIR}/libglossa.so.0
        ${LIBDIR}/glossa/glossa.py share/glossa/models/glossa-mini.nemo)
  if(NOT EXISTS ${prefix}/${file})
    message(FATAL_ERROR "${file} was not installed")
  endif()
endforeach()

function(expect_transcript)
  execute_process(COMMAND ${ARGN} ${MODEL} ${SPEECH} OUTPUT_VARIABLE transcript ERROR_VARIABLE partials
    RESULT_VARIABLE result)
  if(NOT result EQUAL 0 OR NOT transcript MATCHES "^${SPEECH_TEXT}")
    message(FATAL_ERROR "${ARGN} ended with ${result} and said:\n${transcript}${partials}")
  endif()
endfunction()

foreach(languages "C" "C CXX")
  string(REPLACE " " "_" build ${languages})
  set(build ${WORK_DIR}/build_${build})
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${CONSUMER_DIR} -B ${build} -G Ninja
    -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_C_COMPILER=${C_COMPILER} -D CMAKE_CXX_COMPILER=${CXX_COMPILER}
    -D CMAKE_BUILD_TYPE=Release -D "LANGUAGES=${languages}" -D EXAMPLES_DIR=${EXAMPLES_DIR}
    -D WANTED_VERSION=${VERSION} --no-warn-unused-cli OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${build} COMMAND_ERROR_IS_FATAL ANY)
  expect_transcript(${build}/transcribe_c)
endforeach()
expect_transcript(${build}/transcribe_cc)

set(ENV{PKG_CONFIG_PATH} ${prefix}/${LIBDIR}/pkgconfig)
execute_process(COMMAND ${PKG_CONFIG} --cflags --libs "glossa = ${VERSION}" OUTPUT_VARIABLE flags
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
execute_process(COMMAND ${C_COMPILER} -std=c99 ${EXAMPLES_DIR}/transcribe.c -o ${WORK_DIR}/transcribe ${flags}
  COMMAND_ERROR_IS_FATAL ANY)
set(ENV{PYTHONPATH} ${prefix}/${LIBDIR}/glossa)
expect_transcript(${EXAMPLES_DIR}/transcribe.py)

set(ENV{LD_LIBRARY_PATH} ${prefix}/${LIBDIR})
expect_transcript(${WORK_DIR}/transcribe)
