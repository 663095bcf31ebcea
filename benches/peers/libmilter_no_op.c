/* A milter on libmilter that answers every step and changes nothing: the peer of benches/milter.rs. */
#include <libmilter/mfapi.h>
#include <stddef.h>

static sfsistat on_connect(SMFICTX *c, char *h, _SOCK_ADDR *a) { return SMFIS_CONTINUE; }
static sfsistat on_helo(SMFICTX *c, char *h) { return SMFIS_CONTINUE; }
static sfsistat on_envelope(SMFICTX *c, char **v) { return SMFIS_CONTINUE; }
static sfsistat on_header(SMFICTX *c, char *n, char *v) { return SMFIS_CONTINUE; }
static sfsistat on_stage(SMFICTX *c) { return SMFIS_CONTINUE; }
static sfsistat on_body(SMFICTX *c, unsigned char *b, size_t n) { return SMFIS_CONTINUE; }

int main(int argc, char **argv)
{
    struct smfiDesc d = { .xxfi_name = "no-op", .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY, .xxfi_connect = on_connect,
        .xxfi_helo = on_helo, .xxfi_envfrom = on_envelope, .xxfi_envrcpt = on_envelope,
        .xxfi_header = on_header, .xxfi_eoh = on_stage, .xxfi_body = on_body, .xxfi_eom = on_stage };
    if (argc != 2 || smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(d) != MI_SUCCESS)
        return 2;
    return smfi_main();
}
