/* The file form and the names: what is written comes back, and what is torn is noticed. */
#include "scratch.h"

#include "base/clock.h"

static void event_comes_back(void **state)
{
    (void)state;
    struct buf file = {0};
    struct record in = {.kind = RECORD_EVENT,
        .provider = PROVIDER_CALENDLY,
        .event = "invitee.created",
        .received = INT64_C(1763719200123),
        .secret_used = "secondary",
        .signature = "t=1,v1=ab",
        .version = "2021-10-20",
        .content_type = "application/json",
        .body = "a\0b\n\nc",
        .length = 6};
    struct record out;
    strcpy(in.id, scratch_id);
    assert_true(record_encode(&in, &file));
    assert_null(record_decode(file.data, file.len, &out));
    assert_int_equal(out.kind, RECORD_EVENT);
    assert_int_equal(out.provider, PROVIDER_CALENDLY);
    assert_string_equal(out.event, in.event);
    assert_int_equal(out.received, in.received);
    assert_string_equal(out.secret_used, "secondary");
    assert_string_equal(out.signature, in.signature);
    assert_string_equal(out.version, "2021-10-20");
    assert_int_equal(out.length, 6);
    assert_memory_equal(out.body, in.body, 6);
    buf_free(&file);
}

/* Only reconciling sets the source; a reader that does not know it skips the field. */
static void the_source_comes_back(void **state)
{
    (void)state;
    struct buf file = {0};
    struct record out, in = {.kind = RECORD_EVENT,
                           .provider = PROVIDER_CALCOM,
                           .source = RECORD_RECONCILE,
                           .received = 1,
                           .body = "{}",
                           .length = 2};
    strcpy(in.id, scratch_id);
    for (int reconciled = 1; reconciled >= 0; reconciled--) {
        struct event event;
        assert_true(record_encode(&in, &file));
        assert_int_equal(strstr(buf_text(&file), "\nSource: reconcile\n") != NULL, reconciled);
        assert_null(record_decode(file.data, file.len, &out));
        assert_true(record_map(&out, &event));
        assert_int_equal(event.reconciled, reconciled);
        event_free(&event);
        buf_clear(&file);
        *in.source = '\0';
    }
    buf_free(&file);
}

static void mail_comes_back(void **state)
{
    (void)state;
    struct buf file = {0};
    struct record in = {.kind = RECORD_MAIL, .queued = 5000, .body = "x", .length = 1}, out;
    strcpy(in.id, scratch_id);
    strcpy(in.from, "a@example.org");
    strcpy(in.to, "b@example.org");
    assert_true(record_encode(&in, &file));
    assert_null(record_decode(file.data, file.len, &out));
    assert_int_equal(out.kind, RECORD_MAIL);
    assert_string_equal(out.to, "b@example.org");
    assert_int_equal(out.queued, 5000);
    buf_free(&file);
}

/* By which mails are ordered: to the microsecond, from as little as a block. */
static void the_arrival_comes_back(void **state)
{
    (void)state;
    static const int64_t arrivals[] = {1, INT64_C(1763719200123000), INT64_C(1763719200123456)};
    for (size_t i = 0; i < sizeof arrivals / sizeof *arrivals; i++)
        for (enum record_kind kind = RECORD_EVENT; kind <= RECORD_MAIL; kind++) {
            struct buf file = {0};
            struct record out, in = {.kind = kind,
                                   .received = arrivals[i] / US_PER_MS + (kind == RECORD_MAIL),
                                   .received_us = arrivals[i],
                                   .queued = 5000,
                                   .body = "x",
                                   .length = 1};
            int64_t arrival;
            strcpy(in.id, scratch_id);
            strcpy(in.from, "a@example.org");
            strcpy(in.to, "b@example.org");
            assert_true(record_encode(&in, &file));
            assert_null(record_decode(file.data, file.len, &out));
            assert_int_equal(out.received_us, arrivals[i]);
            assert_int_equal(out.received, arrivals[i] / US_PER_MS);
            assert_true(record_arrival(file.data, file.len - 1, &arrival));
            assert_int_equal(arrival, arrivals[i]);
            assert_false(record_arrival(file.data, 20, &arrival));
            buf_free(&file);
        }
    static const char queued[] = "Bookspool-Mail: 1\nQueued: 1970-01-01T00:00:05Z\n\n";
    int64_t arrival;
    assert_true(record_arrival(queued, sizeof queued - 1, &arrival));
    assert_int_equal(arrival, 5000000);
}

static void header_values_cannot_break_out(void **state)
{
    (void)state;
    struct buf file = {0};
    struct record in = {.kind = RECORD_EVENT, .received = 1, .body = "", .length = 0}, out;
    strcpy(in.id, scratch_id);
    strcpy(in.content_type, "text/plain\nLength: 9\r\n\r\n\x80");
    assert_true(record_encode(&in, &file));
    assert_null(record_decode(file.data, file.len, &out));
    assert_string_equal(out.content_type, "text/plain?Length: 9?????");
    buf_free(&file);
}

/* A power cut may cut the file at any byte, or leave zeros of the right length. */
static void every_torn_form_is_noticed(void **state)
{
    (void)state;
    struct buf file = {0};
    struct record out;
    scratch_event(scratch_id, "{\"some\":\"body\"}", &file);
    for (size_t len = 0; len < file.len; len++)
        assert_non_null(record_decode(file.data, len, &out));
    for (size_t from = 0; from < file.len; from++) {
        char *torn = malloc(file.len);
        assert_non_null(torn);
        memcpy(torn, file.data, file.len);
        memset(torn + from, 0, file.len - from);
        assert_non_null(record_decode(torn, file.len, &out));
        free(torn);
    }
    buf_putc(&file, 'x');
    assert_string_equal(
        record_decode(file.data, file.len, &out), "its body is longer than Length says");
    buf_free(&file);
}

static void a_flipped_bit_of_the_body_is_noticed(void **state)
{
    (void)state;
    struct buf file = {0};
    struct record out;
    scratch_event(scratch_id, "{\"some\":\"body\"}", &file);
    for (size_t i = file.len - 15; i < file.len; i++) {
        file.data[i] ^= 1;
        assert_non_null(record_decode(file.data, file.len, &out));
        file.data[i] ^= 1;
    }
    assert_null(record_decode(file.data, file.len, &out));
    buf_free(&file);
}

static void wrong_headers_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *file, *wrong;
    } cases[] = {
        {"", "its header has no end"},
        {"\n", "it is neither 'Bookspool: 1' nor 'Bookspool-Mail: 1'"},
        {"Bookspool: 0\n\n", "it is neither 'Bookspool: 1' nor 'Bookspool-Mail: 1'"},
        {"Bookspool: 2\n\n",
            "a later version of bookspool wrote it, in a form that this one does not know"},
        {"Bookspool-Mail: 10\n\n",
            "a later version of bookspool wrote it, in a form that this one does not know"},
        {"no colon\n\n", "its header has a line that is not 'Name: value'"},
        {": x\n\n", "its header has a line that is not 'Name: value'"},
        {"Bookspool: 1\nBookspool: 1\n\n", "a field of its header is there twice"},
        {"Bookspool: 1\nProvider: zoom\n\n", "its Provider is not known"},
        {"Bookspool: 1\nProvider: calcom\nReceived: noon\n\n", "its Received is not a time"},
        {"Bookspool: 1\nProvider: calcom\nReceived: 2026-01-01T00:00:00Z\nKey: XYZ\n\n",
            "its Id is not 32 lower-case hex digits"},
        {"Bookspool-Mail: 1\nFrom: a\nTo: b\n\n", "its From or To is not a mail address"},
    };
    struct record out;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(
            record_decode(cases[i].file, strlen(cases[i].file), &out), cases[i].wrong);
}

/* sha256sum of "calcom\0" and the sha256sum of the body, and of the hour form: by coreutils. */
static void ids_are_what_the_header_says(void **state)
{
    (void)state;
    static const char braces[] = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    static const char word[] = "fcbcf165908dd18a9e49f7ff27810176db8e9f63b4352213741664245224f8aa";
    char id[ID_SIZE], other[ID_SIZE];
    assert_true(id_make("calcom", braces, TIME_NONE, id));
    assert_string_equal(id, "57b76ce4fb68ab358edaea337f6981cb");
    assert_true(id_make("calendly", braces, TIME_NONE, other));
    assert_string_not_equal(id, other);
    assert_true(id_make("calcom", word, TIME_NONE, other));
    assert_string_not_equal(id, other);
    assert_true(id_make("calcom", word, INT64_C(3600000) * 489922 + 5, id));
    assert_string_equal(id, "c73b9006340f5e27ed858429698e87d2");
    assert_string_not_equal(id, other);
    assert_true(id_make("calcom", word, INT64_C(3600000) * 489923, other));
    assert_string_not_equal(id, other);
}

/* A digest that the caller has already is taken; without one it is computed. */
static void a_body_is_digested_once(void **state)
{
    (void)state;
    struct record in = {.kind = RECORD_MAIL,
        .from = "a@example.org",
        .to = "b@example.org",
        .body = "{}",
        .length = 2};
    struct record out;
    struct buf computed = {0}, given = {0}, wrong = {0};
    strcpy(in.id, scratch_id);
    assert_true(record_encode(&in, &computed));
    assert_null(record_decode(computed.data, computed.len, &out));
    assert_string_equal(
        out.sha256, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    strcpy(in.sha256, out.sha256);
    assert_true(record_encode(&in, &given));
    assert_int_equal(given.len, computed.len);
    assert_memory_equal(given.data, computed.data, given.len);
    in.sha256[0] = '0';
    assert_true(record_encode(&in, &wrong));
    assert_string_equal(
        record_decode(wrong.data, wrong.len, &out), "its body does not match Sha256");
    buf_free(&computed);
    buf_free(&given);
    buf_free(&wrong);
}

static void mail_names_follow_the_address(void **state)
{
    (void)state;
    char a[MAIL_NAME_SIZE], b[MAIL_NAME_SIZE];
    struct spool_name parsed;
    assert_true(name_of_mail(scratch_id, "Owner@Example.org", a));
    assert_true(name_of_mail(scratch_id, "owner@example.org", b));
    assert_string_equal(a, b);
    assert_string_equal(a + ID_LEN, "-9057178f1b2d");
    assert_true(name_parse(a, &parsed));
    assert_string_equal(parsed.id, scratch_id);
    assert_int_equal(parsed.replay_number, 0);
    assert_int_equal(strlen(parsed.recipient), RECIPIENT_LEN);
}

static void names_are_read_strictly(void **state)
{
    (void)state;
    struct spool_name parsed;
    assert_true(name_parse("0123456789abcdef0123456789abcdef.17", &parsed));
    assert_int_equal(parsed.replay_number, 17);
    assert_true(name_parse("0123456789abcdef0123456789abcdef.17-aaaaaaaaaaaa", &parsed));
    static const char *const wrong[] = {"", "0123", "0123456789ABCDEF0123456789abcdef",
        "0123456789abcdef0123456789abcdef.", "0123456789abcdef0123456789abcdef.x",
        "0123456789abcdef0123456789abcdef.017", "0123456789abcdef0123456789abcdef-aaa",
        "0123456789abcdef0123456789abcdef-aaaaaaaaaaaa.why", "0123456789abcdef0123456789abcdef.why",
        "0123456789abcdef0123456789abcdef0",
        "0123456789abcdef0123456789abcdef.1234567890123456789"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(name_parse(wrong[i], &parsed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_comes_back),
        cmocka_unit_test(the_source_comes_back),
        cmocka_unit_test(mail_comes_back),
        cmocka_unit_test(the_arrival_comes_back),
        cmocka_unit_test(header_values_cannot_break_out),
        cmocka_unit_test(every_torn_form_is_noticed),
        cmocka_unit_test(a_flipped_bit_of_the_body_is_noticed),
        cmocka_unit_test(wrong_headers_are_named),
        cmocka_unit_test(ids_are_what_the_header_says),
        cmocka_unit_test(a_body_is_digested_once),
        cmocka_unit_test(mail_names_follow_the_address),
        cmocka_unit_test(names_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
