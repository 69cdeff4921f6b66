// density.cpp: the registry of densities, and the choice of the instruction set.
//
// The files kernels*.cpp are linked once per instruction set: x86_64_v2, x86_64_v3 and x86_64_v4 on
// x86-64, `generic` elsewhere.  This file itself is compiled for the baseline processor.
#include "density.h"

#include <map>

#include "kernel_table.h"

namespace ilk {

// The tables of one instruction set.
#define ILK_TABLES(set) \
    namespace set { extern const DensityTable density_table, sum_table, category_table; }

#if defined(__x86_64__)
ILK_TABLES(x86_64_v2)
ILK_TABLES(x86_64_v3)
ILK_TABLES(x86_64_v4)
#else
ILK_TABLES(generic)
#endif

namespace {

using Registry = std::map<std::string, Density>;

void add(Registry& registry, const DensityEntry& e, const std::string& name, int predictors) {
    registry[name] = Density{name,   predictors, e.inner,  e.inner_value,
                             e.full, e.multi2,   e.multi3, e.node};
}

Registry registry_of(const DensityTable& plain, const DensityTable& sums,
                     const DensityTable& categories) {
    Registry registry;
    for (const DensityTable* table : {&plain, &sums})
        for (int i = 0; i < table->size; ++i) {
            const DensityEntry& e = table->entries[i];
            add(registry, e, e.name, e.predictors);
        }
    for (int i = 0; i < categories.size; ++i) {
        const DensityEntry& e = categories.entries[i];
        for (int count = 2; count <= most_categories; ++count)
            add(registry, e, std::string(e.name) + ":" + std::to_string(count),
                e.predictors + count - 1);
    }
    return registry;
}

#define ILK_REGISTRY(set) registry_of(set::density_table, set::sum_table, set::category_table)

// The registry of an instruction set; null if this program or this machine lacks it.
const Registry* registry(InstructionSet set) {
    if (set > best_instruction_set()) return nullptr;
#if defined(__x86_64__)
    static const Registry v2 = ILK_REGISTRY(x86_64_v2);
    static const Registry v3 = ILK_REGISTRY(x86_64_v3);
    static const Registry v4 = ILK_REGISTRY(x86_64_v4);
    switch (set) {
        case InstructionSet::x86_64_v2: return &v2;
        case InstructionSet::x86_64_v3: return &v3;
        case InstructionSet::x86_64_v4: return &v4;
        default: return nullptr;
    }
#else
    static const Registry only = ILK_REGISTRY(generic);
    return set == InstructionSet::generic ? &only : nullptr;
#endif
}

InstructionSet detect() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const auto has = [](bool feature) { return feature; };
    if (has(__builtin_cpu_supports("avx512f")) && has(__builtin_cpu_supports("avx512bw")) &&
        has(__builtin_cpu_supports("avx512cd")) && has(__builtin_cpu_supports("avx512dq")) &&
        has(__builtin_cpu_supports("avx512vl")))
        return InstructionSet::x86_64_v4;
    if (has(__builtin_cpu_supports("avx2")) && has(__builtin_cpu_supports("fma")) &&
        has(__builtin_cpu_supports("bmi")) && has(__builtin_cpu_supports("bmi2")))
        return InstructionSet::x86_64_v3;
    return InstructionSet::x86_64_v2;
#else
    return InstructionSet::generic;
#endif
}

}  // namespace

InstructionSet best_instruction_set() {
    static const InstructionSet best = detect();
    return best;
}

const Density* find_density(const std::string& key, InstructionSet set) {
    const Registry* densities = registry(set);
    if (densities == nullptr) return nullptr;
    const auto found = densities->find(key);
    return found == densities->end() ? nullptr : &found->second;
}

const Density* find_density(const std::string& key) {
    return find_density(key, best_instruction_set());
}

std::vector<std::string> density_names() {
    std::vector<std::string> names;
    for (const auto& named : *registry(best_instruction_set())) names.push_back(named.first);
    return names;
}

}  // namespace ilk
