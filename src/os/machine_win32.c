/* SPDX-License-Identifier: MIT */
/* Time, memory, processors and shared libraries of a Windows machine. */
#include "base/size.h"
#include "os/os.h"
#include "os/win32.h"

#include <psapi.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

uint64_t dv_time_ns(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    uint64_t t = (uint64_t)now.QuadPart, f = (uint64_t)frequency.QuadPart;
    return t / f * SECOND_NS + t % f * SECOND_NS / f;
}

uint64_t dv_host_memory_size(void)
{
    MEMORYSTATUSEX status = { .dwLength = sizeof status };
    return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : 0;
}

/* What the limits of the process's job leave, as of a container; UINT64_MAX: there are none. What
 * other processes of the job use is not seen from here. */
static uint64_t left_by_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION job;
    PROCESS_MEMORY_COUNTERS              used;
    uint64_t                             limit = UINT64_MAX;
    if (!QueryInformationJobObject(NULL, JobObjectExtendedLimitInformation, &job, sizeof job,
                                   NULL) ||
        !GetProcessMemoryInfo(GetCurrentProcess(), &used, sizeof used))
        return UINT64_MAX;
    if (job.BasicLimitInformation.LimitFlags & JOB_OBJECT_LIMIT_PROCESS_MEMORY)
        limit = job.ProcessMemoryLimit;
    if (job.BasicLimitInformation.LimitFlags & JOB_OBJECT_LIMIT_JOB_MEMORY)
        limit = dv_min(limit, job.JobMemoryLimit);
    return limit == UINT64_MAX          ? limit
           : limit > used.PagefileUsage ? limit - used.PagefileUsage
                                        : 0;
}

/* Available memory has the file pages that the system would give back; nor can a process take more
 * than what may still be committed. */
uint64_t dv_host_memory_free(void)
{
    MEMORYSTATUSEX status = { .dwLength = sizeof status };
    if (!GlobalMemoryStatusEx(&status))
        return 0;
    return dv_min(dv_min(status.ullAvailPhys, status.ullAvailPageFile), left_by_job());
}

/* Of all groups: a process runs in more than one from Windows 11 on. */
uint32_t dv_processor_count(void)
{
    DWORD n = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return n > 0 ? n : 1;
}

/* From the system's folder alone: what lies beside the program or in the current folder may be
 * anybody's. */
dv_function dv_library_function(const char *library, const char *name)
{
    dv_function function = NULL;
    wchar_t     wide[DV_WIDE];
    HMODULE     module = dv_wide_path(wide, library)
                             ? LoadLibraryExW(wide, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32)
                             : NULL;
    FARPROC     symbol = module ? GetProcAddress(module, name) : NULL;
    memcpy(&function, &symbol, sizeof function);
    return function;
}
