# Files as string literals in one C++ source: cmake -DOUTPUT=… -DDIRECTORY=… -DFILES=a|b -P this.
# index.html becomes "/", a document "/NAME.json", every other file "/web/NAME".
set(media_type_.html "text/html; charset=utf-8")
set(media_type_.css "text/css; charset=utf-8")
set(media_type_.json "application/json")
set(media_type_.js "text/javascript; charset=utf-8")
set(media_type_.svg "image/svg+xml")

string(REPLACE "|" ";" files "${FILES}")
set(entries "")
foreach(name IN LISTS files)
  file(READ "${DIRECTORY}/${name}" content)
  file(SHA256 "${DIRECTORY}/${name}" digest)
  string(FIND "${content}" ")bafa_file\"" clash)
  get_filename_component(extension "${name}" LAST_EXT)
  if(NOT clash EQUAL -1 OR NOT DEFINED "media_type_${extension}")
    message(FATAL_ERROR "${name} cannot be embedded")
  endif()
  set(path "/web/${name}")
  if(name STREQUAL "index.html")
    set(path "/")
  elseif(extension STREQUAL ".json")
    set(path "/${name}")
  endif()
  string(APPEND entries "    {\"${path}\", \"${media_type_${extension}}\",\n"
    "     R\"bafa_file(${content})bafa_file\",\n     \"${digest}\"},\n")
endforeach()

file(WRITE "${OUTPUT}" "#include \"http/page_routes.h\"

namespace bafa::http {
namespace {

constexpr PageFile kPageFiles[] = {
${entries}};

}  // namespace

std::span<const PageFile> page_files() { return kPageFiles; }

}  // namespace bafa::http
")
