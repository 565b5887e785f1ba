// The web page at / and its parts: files of src/http/web, embedded when the program is built.
#pragma once

#include <span>
#include <string_view>

#include "http/router.h"

namespace bafa::http {

struct PageFile {
  std::string_view path;  // "/", "/web/app.js", "/openapi.json"
  std::string_view media_type;
  std::string_view bytes;
  std::string_view digest;  // hex, of the bytes
};

// Made by embed_page.cmake.
std::span<const PageFile> page_files();

void add_page_routes(Router& router);

}  // namespace bafa::http
