<?php
// The receiver in PHP: verify, store durably, answer.
$body = file_get_contents('php://input');
$given = $_SERVER['HTTP_X_CAL_SIGNATURE_256'] ?? '';
if (!hash_equals(hash_hmac('sha256', $body, getenv('SECRET')), $given)) {
    http_response_code(401);
    exit;
}

function store(string $spool, string $body): bool
{
    $name = bin2hex(random_bytes(16));
    $file = fopen("$spool/tmp/$name", 'x');
    if (!$file || fwrite($file, $body) !== strlen($body) || !fsync($file) || !fclose($file)) {
        return false;
    }
    if (!rename("$spool/tmp/$name", "$spool/new/$name")) {
        return false;
    }
    $directory = fopen("$spool/new", 'r');
    return $directory && fsync($directory);
}

http_response_code(store(getenv('SPOOL'), $body) ? 200 : 503);
header('Content-Type: text/plain');
