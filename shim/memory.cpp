// Small blocks of tensors' memory, kept for the next tensor of that size instead of given back to malloc, which for
// aligned blocks of some hundred bytes costs as much as a tenth of a small operator.
#include "shim.hpp"

#include <c10/core/CPUAllocator.h>
#include <c10/core/alignment.h>
#include <c10/core/impl/alloc_cpu.h>

#include <array>
#include <bit>

namespace shim {
namespace {

constexpr int smallest_power = 6, largest_power = 18;  // of blocks that are kept, as powers of two: 64 bytes to 256 KiB
constexpr size_t kept_bytes = size_t{4} << 20;  // at most, of each size and thread
constexpr int kept_blocks = 64;

// In front of every block; as long as the alignment that libtorch wants.
struct alignas(c10::gAlignment) Header {
  Header *next;
  int power;  // the block's size, 0 for one that is not kept
};

// A thread's blocks. The thread that frees a block keeps it, whoever asked for it.
struct Kept {
  struct List {
    Header *first = nullptr;
    int count = 0;
  };
  std::array<List, largest_power + 1> lists;
  ~Kept();
};

thread_local Kept *kept = nullptr;
thread_local bool ended = false;  // the thread's own memory is gone: nothing is kept any more

Kept::~Kept() {
  kept = nullptr;
  ended = true;
  for (auto &list : lists) {
    while (list.first != nullptr) c10::free_cpu(std::exchange(list.first, list.first->next));
  }
}

Kept *kept_here() {
  if (kept == nullptr && !ended) {
    thread_local Kept own;
    kept = &own;
  }
  return kept;
}

void give_back(void *data) {
  if (data == nullptr) return;
  Header *block = static_cast<Header *>(data) - 1;
  if (block->power != 0) {
    if (Kept *here = kept_here()) {
      auto &list = here->lists[static_cast<size_t>(block->power)];
      if (list.count < kept_blocks && (static_cast<size_t>(list.count) << block->power) < kept_bytes) {
        block->next = std::exchange(list.first, block);
        ++list.count;
        return;
      }
    }
  }
  c10::free_cpu(block);
}

struct KeepingAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t size) override {
    if (size == 0) return {nullptr, nullptr, &give_back, at::kCPU};
    const int power = std::max(smallest_power, static_cast<int>(std::bit_width(size - 1)));
    Header *block = nullptr;
    if (power <= largest_power) {
      if (Kept *here = kept_here()) {
        auto &list = here->lists[static_cast<size_t>(power)];
        if (list.first != nullptr) {
          block = std::exchange(list.first, list.first->next);
          --list.count;
        }
      }
    }
    if (block == nullptr) {
      const bool keep = power <= largest_power;
      block = static_cast<Header *>(c10::alloc_cpu(sizeof(Header) + (keep ? size_t{1} << power : size)));
      block->power = keep ? power : 0;
    }
    return {block + 1, block + 1, &give_back, at::kCPU};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void *to, const void *from, size_t count) const override { default_copy_data(to, from, count); }
};

}  // namespace

void add_memory(torch_shim &table) {
  table.keep_small_blocks = [] {
    static KeepingAllocator allocator;
    c10::SetCPUAllocator(&allocator);
  };
}

}  // namespace shim
