#include "spool/owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

bool owner_is_foreign(const struct stat *st, const struct stat *root)
{
    mode_t needed = S_ISDIR(st->st_mode) ? S_IRWXG : S_IRGRP | S_IWGRP;
    bool shared = st->st_gid == root->st_gid && (st->st_mode & needed) == needed;
    return st->st_uid != root->st_uid && !shared;
}

void owner_append_user(struct buf *out, uid_t uid)
{
    const struct passwd *user = getpwuid(uid);
    if (user)
        buf_puts(out, user->pw_name);
    else
        buf_printf(out, "%lu", (unsigned long)uid);
}

void owner_append_command(struct buf *out, const char *path, const struct stat *root)
{
    const struct group *group = getgrgid(root->st_gid);
    buf_puts(out, "chown -R ");
    owner_append_user(out, root->st_uid);
    if (group)
        buf_printf(out, ":%s %s", group->gr_name, path);
    else
        buf_printf(out, ":%lu %s", (unsigned long)root->st_gid, path);
}

const char *owner_hint(int error)
{
    return error == EACCES || error == EPERM
               ? "; `bookspool check`, run as root, prints the command that repairs it"
               : "";
}
