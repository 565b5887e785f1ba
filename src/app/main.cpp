#include <cstdio>

int main() {
  std::puts("bafa");
  return 0;
}
