# The CUDA flavour: one module, built where the CUDA toolkit is, opened at start when a GPU is asked
# for. The program links nothing of it, so the same program serves machines without a GPU.
set(BAFA_CUDA AUTO CACHE STRING "Build the CUDA module: AUTO (where nvcc is found), ON or OFF")
set(BAFA_CUDA_ARCHITECTURES "80;90" CACHE STRING
  "GPUs to compile kernels for; newer ones compile the last one's intermediate form when they load it")

find_program(BAFA_NVCC nvcc HINTS "$ENV{CUDA_HOME}/bin" /usr/local/cuda/bin)
if(BAFA_CUDA STREQUAL "ON" AND NOT BAFA_NVCC)
  message(FATAL_ERROR "BAFA_CUDA is ON but nvcc was not found; install the CUDA toolkit 13 or put "
    "its bin folder on PATH.")
endif()
set(BAFA_BUILD_CUDA OFF)
if(BAFA_NVCC AND NOT BAFA_CUDA STREQUAL "OFF")
  set(BAFA_BUILD_CUDA ON)
  find_package(CUDAToolkit 13 REQUIRED)
endif()

# bafa_cuda_module(SOURCES file…): the module bafa_cuda, beside the program. Every source goes
# through nvcc by hand: Debian 12's CMake does not know how to ask this nvcc for C++20, and its CUDA
# language would test the compiler on every configure.
function(bafa_cuda_module)
  cmake_parse_arguments(PARSE_ARGV 0 CUDA "" "" "SOURCES")
  if(NOT BAFA_BUILD_CUDA OR NOT CUDA_SOURCES)
    return()
  endif()
  set(flags -std=c++20 -O3 -DNDEBUG -x cu -Xcompiler=-fPIC,-Wall,-Wextra
    "-I${PROJECT_SOURCE_DIR}/include" "-I${PROJECT_SOURCE_DIR}/src" -isystem "${libtorch_folder}/torch/include")
  foreach(architecture IN LISTS BAFA_CUDA_ARCHITECTURES)
    list(APPEND flags "-gencode=arch=compute_${architecture},code=sm_${architecture}")
  endforeach()
  list(GET BAFA_CUDA_ARCHITECTURES -1 newest)
  list(APPEND flags "-gencode=arch=compute_${newest},code=compute_${newest}")
  foreach(source IN LISTS CUDA_SOURCES)
    set(object "${PROJECT_BINARY_DIR}/cuda/${source}.o")
    get_filename_component(folder "${object}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    add_custom_command(OUTPUT "${object}"
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} "${BAFA_NVCC}" ${flags} -MD -MF "${object}.d" -MT "${object}"
        -c "${PROJECT_SOURCE_DIR}/${source}" -o "${object}"
      DEPENDS "${source}" DEPFILE "${object}.d" COMMENT "Building CUDA object ${source}" VERBATIM)
    list(APPEND objects "${object}")
  endforeach()
  add_library(bafa_cuda MODULE ${objects})
  set_target_properties(bafa_cuda PROPERTIES LINKER_LANGUAGE CXX)
  # libtorch_cuda registers its kernels when it is loaded, whether or not a symbol of it is used.
  target_link_libraries(bafa_cuda PRIVATE -Wl,--no-as-needed bafa::torch_cuda bafa::torch CUDA::cudart)
endfunction()
