"""Several clients on one thing."""

import threading
from concurrent.futures import ThreadPoolExecutor

from harness import content


def test_fifty_pushes_of_one_blob_at_once(alice, repository):
    data = content.random_blob(2 << 20)
    digest = content.digest_of(data)
    barrier = threading.Barrier(50)

    def push(_):
        session = alice.begin(repository)
        barrier.wait(30)
        return session.put(digest, data).status

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(push, range(50))) == [201] * 50
    assert alice.blob(repository, digest).body == data


def test_one_blob_into_many_repositories_at_once(alice, repository):
    data = content.random_blob(100_000)
    digest = content.digest_of(data)

    def push(number):
        alice.push_blob(f"{repository}/{number}", data)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(16)))
    for number in range(16):
        assert alice.blob(f"{repository}/{number}", digest).body == data


def test_many_writers_on_one_tag(alice, repository):
    """Readers always see one of the manifests, whole; the end is one of them."""
    images = [content.image(layers=[b"shared"], annotations={"n": str(n)}) for n in range(50)]
    for data in images[0].blobs:
        alice.push_blob(repository, data)
    alice.push(repository, images[0], "latest")
    bodies = {image.body: image.digest for image in images}
    done = threading.Event()

    def read(_):
        count = 0
        while not done.is_set() or count == 0:
            response = alice.manifest(repository, "latest")
            assert response.status == 200, str(response)
            assert bodies[response.body] == response.header("Docker-Content-Digest")
            head = alice.manifest(repository, "latest", method="HEAD")
            assert head.status == 200
            count += 1
        return count

    def write(image):
        response = alice.put_manifest(repository, "latest", image.body, image.media_type)
        return response.status, response.header("Docker-Content-Digest") == image.digest

    with ThreadPoolExecutor(3) as readers, ThreadPoolExecutor(10) as writers:
        reading = [readers.submit(read, number) for number in range(3)]
        try:
            assert list(writers.map(write, images)) == [(201, True)] * len(images)
        finally:
            done.set()
        assert all(future.result(60) for future in reading)
    assert alice.manifest(repository, "latest").body in bodies
    assert alice.tags(repository).json()["tags"] == ["latest"]
    for image in images:
        assert alice.manifest(repository, image.digest).body == image.body


def test_a_tag_read_after_its_write_is_the_new_one(alice, admin, repository):
    """No cache may answer with what was there before the 201."""
    blobs = content.image(layers=[b"shared"])
    for data in blobs.blobs:
        alice.push_blob(repository, data)
    for number in range(60):
        image = content.image(layers=[b"shared"], annotations={"n": str(number)})
        assert alice.put_manifest(repository, "latest", image.body, image.media_type).status == 201
        for client in (alice, admin):
            assert client.manifest(repository, "latest").body == image.body
    assert alice.delete_manifest(repository, "latest").status == 202
    assert admin.manifest(repository, "latest").status == 404


def test_two_writers_on_one_upload(alice, repository):
    """One wins each time, the other is refused; the bytes are never mixed."""
    session = alice.begin(repository)
    size = 3 << 20
    left, right = b"L" * size, b"R" * size
    barrier = threading.Barrier(2)

    def write(data):
        barrier.wait(30)
        return alice.request(
            "PATCH",
            session.location,
            headers=[("Content-Range", f"0-{size - 1}"), ("Content-Type", "application/octet-stream")],
            body=data,
        )

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(write, [left, right])
    statuses = sorted([first.status, second.status])
    assert statuses[0] == 202, f"{first}\n{second}"
    assert statuses[1] in (409, 416, 423, 429, 503, 400), f"{first}\n{second}"
    winner = left if first.status == 202 else right
    assert session.status().header("Range") == f"0-{size - 1}"
    assert session.put(content.digest_of(winner)).status == 201
    assert alice.blob(repository, content.digest_of(winner)).body == winner


def test_two_ends_of_one_upload(alice, repository):
    data = content.random_blob(500_000)
    session = alice.begin(repository)
    assert session.patch(data).status == 202
    barrier = threading.Barrier(2)

    def finish(_):
        barrier.wait(30)
        return session.put(content.digest_of(data)).status

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(finish, range(2)))
    assert statuses[0] == 201, statuses
    assert statuses[1] in (201, 404, 409, 416, 429, 503), statuses
    assert alice.blob(repository, content.digest_of(data)).body == data


def test_push_and_delete_at_once_leave_no_half(alice, repository):
    image = alice.push(repository, content.image(), "v1")
    errors = []

    def push(_):
        for _ in range(15):
            response = alice.put_manifest(repository, "v1", image.body, image.media_type)
            if response.status not in (201, 400):
                errors.append(str(response))

    def delete(_):
        for _ in range(15):
            response = alice.delete_manifest(repository, image.digest)
            if response.status not in (202, 404):
                errors.append(str(response))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(push, 0), pool.submit(delete, 0), pool.submit(push, 1)]:
            future.result(120)
    assert not errors, errors[0]
    tags = alice.tags(repository).json()["tags"]
    by_tag = alice.manifest(repository, "v1")
    assert (by_tag.status == 200) == (tags == ["v1"])
    if by_tag.status == 200:
        assert by_tag.body == image.body


def test_creating_a_repository_by_two_pushes_at_once(alice, repository):
    barrier = threading.Barrier(8)

    def begin(_):
        barrier.wait(30)
        return alice.request("POST", f"/v2/{repository}/blobs/uploads/").status

    alice.token_for([f"repository:{repository}:pull,push,delete"])
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(begin, range(8))) == [202] * 8


def test_slow_uploads_do_not_stop_others(alice, repository):
    """More uploads that stand still than any pool has threads; a push and a pull go on beside them."""
    token = alice.token_for([f"repository:{repository}:pull,push,delete"])
    connections = []
    try:
        for _ in range(60):
            session = alice.begin(repository)
            connection = alice.connect()
            connections.append(connection)
            connection.send_head(
                "PATCH",
                session.location,
                [
                    ("Host", connection.authority),
                    ("Authorization", f"Bearer {token}"),
                    ("Content-Length", "1000000"),
                ],
            )
            connection.send(b"x" * 1000)
        image = alice.push(repository, content.image(), "v1")
        assert alice.manifest(repository, "v1").body == image.body
    finally:
        for connection in connections:
            connection.close()
